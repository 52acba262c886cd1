/** What the statements on the log answer, read: the database is outside, too. */
import type {
  CheckAnswer,
  LogInstance,
  LogPosition,
  LogRow,
  StartingPoints,
  WhoReads,
} from '../../domain/ports/change-log.ts';
import { parseSnapshot, parseXid, type Snapshot } from '../../domain/snapshot.ts';

/** An answer that is not whole opens no gate: what cannot be read here throws. */
export const parseCheck = (input: unknown): CheckAnswer => ({
  snapshot: snapshotIn(input, 'snapshot'),
  shape: textIn(input, 'shape'),
  // Both are missing where the log has no state, or one of another database.
  identity: field(input, 'identity') === null ? undefined : textIn(input, 'identity'),
  swept: field(input, 'swept') === null ? nothing : snapshotIn(input, 'swept'),
  ...parseRows(field(input, 'rows')),
  who: field(input, 'who') === null ? undefined : parseWho(textIn(input, 'who')),
});

const parseWho = (text: string): WhoReads => {
  const who: unknown = JSON.parse(text);
  const instances = field(who, 'instances');
  if (!Array.isArray(instances)) return refuse('list');
  return { instances: instances.map(parseInstance), boundMs: countIn(who, 'j_ms') };
};

const nothing: Snapshot = { xmin: 1, xmax: 1, inProgress: [] };

/** The rows as one JSON text of `[xid, source, key]`; none at all: there were more than were asked for. */
const parseRows = (text: unknown): Pick<CheckAnswer, 'rows' | 'unreadable'> => {
  if (text === null) return { rows: 'too-many', unreadable: undefined };
  const rows: LogRow[] = [];
  let unreadable: string | undefined;
  for (const each of jsonArray(text)) {
    const row = parseRow(each);
    if (row === undefined) unreadable ??= nameOf(each);
    else rows.push(row);
  }
  return { rows, unreadable };
};

const parseRow = (input: unknown): LogRow | undefined => {
  const [xidText, source, key] = Array.isArray(input) ? input : [];
  const xid = parseXid(xidText);
  if (xid === undefined || typeof source !== 'string') return undefined;
  if (key !== null && (typeof key !== 'string' || !isKeyOf(source, key))) return undefined;
  return { xid, source, key };
};

/** Any UUID that PostgreSQL stores, whoever made it: `md5('x')::uuid` too. */
const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const keys: ReadonlyMap<string, RegExp> = new Map([
  ['users', new RegExp(`^${uuid}$`)],
  ['contacts', new RegExp(`^${uuid}:${uuid}$`)],
]);

/** What this version does not know it does not cache either. */
const isKeyOf = (source: string, key: string): boolean => keys.get(source)?.test(key) ?? true;

/** Without the key, which may be anything. */
const nameOf = (row: unknown): string => {
  const [xid, source] = Array.isArray(row) ? row : [];
  return `transaction ${parseXid(xid) ?? 'unknown'} of ${keys.has(source) ? source : 'unknown'}`;
};

/** Throws where there is no state of the log for this database: then it has to be begun first. */
export const parseChoice = (input: unknown): StartingPoints => ({
  notes: jsonArray(field(input, 'notes') ?? '[]').flatMap(parseNote),
  shape: textIn(input, 'shape'),
  swept: snapshotIn(input, 'swept'),
  crowdedFrom: parseXid(field(input, 'crowded_from')),
});

/** One that cannot be read is none to begin at. */
const parseNote = (input: unknown): readonly LogPosition[] => {
  const [text, shape] = Array.isArray(input) ? input : [];
  const snapshot = parseSnapshot(text);
  return snapshot === undefined || typeof shape !== 'string' ? [] : [{ snapshot, shape }];
};

export const parseInstance = (input: unknown): LogInstance => ({
  id: textIn(input, 'id'),
  beat: countIn(input, 'beat'),
  boundMs: countIn(input, 'j_ms'),
  applied: parseSnapshot(field(input, 'applied')),
  protocol: countIn(input, 'protocol'),
});

export const field = (input: unknown, name: string): unknown =>
  typeof input === 'object' && input !== null ? Reflect.get(input, name) : undefined;

export const textIn = (input: unknown, name: string): string => {
  const value = field(input, name);
  return typeof value === 'string' ? value : refuse(name);
};

/** A count that travels as text, as PostgreSQL's wide integers do, or as a number. */
export const countIn = (input: unknown, name: string): number => {
  const value = Number(field(input, name) ?? Number.NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : refuse(name);
};

const snapshotIn = (input: unknown, name: string): Snapshot =>
  parseSnapshot(field(input, name)) ?? refuse(name);

const jsonArray = (text: unknown): readonly unknown[] => {
  const value: unknown = typeof text === 'string' ? JSON.parse(text) : undefined;
  return Array.isArray(value) ? value : refuse('list');
};

const refuse = (name: string): never => {
  throw new Error(`the log answered a ${name} that cannot be read`);
};
