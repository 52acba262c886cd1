import { protocol } from '../../application/caching/log-reader.ts';
import { sharing } from '../../application/caching/sharing.ts';
import type { ChangeLog } from '../../domain/ports/change-log.ts';
import { parseXid, type Xid } from '../../domain/snapshot.ts';
import { begin, check, readBounds, renewEpoch } from './change-log.ts';
import { toFault } from './faults.ts';
import { dropSilent, leave, listInstances } from './instances.ts';
import { countIn } from './log-answers.ts';
import type { LogConnection } from './log-connection.ts';
import { note, startingPoints, sweep } from './log-retention.ts';
import { checkTriggers } from './log-shape.ts';

/** Runs work on a connection, which nobody else uses meanwhile. */
export type OnConnection = <T>(work: (connection: LogConnection) => Promise<T>) => Promise<T>;

export type ChangeLogParts = {
  /** For what must be in time: never behind anybody. */
  readonly checks: OnConnection;
  /** For what somebody waits for who has just written. */
  readonly receipts: OnConnection;
  /** For what may take long, and what nobody waits for. */
  readonly upkeep: OnConnection;
  /** Hears whose log answered a check. */
  readonly answered?: (identity: string | undefined) => void;
  /** Calls `wake` with what others said, and with nothing where something may have been missed. */
  readonly listen: (wake: (message: string | undefined) => void) => Promise<AsyncDisposable>;
};

/** The channel on which processes wake each other. The triggers do not: NOTIFY would halve what writers can do at once. */
export const logChannel = 'kith_log';

/** One that gave no beat for so long ended without leaving the list. */
const silentForMs = 3_600_000;

/** PostgreSQL takes a payload of less than 8,000 bytes. */
const maxPayload = 7_000;

const formatWakeUp = (xids: readonly Xid[]): string => {
  const message = xids.join();
  return message.length > maxPayload ? '' : message;
};

/** Who says something else, or nothing, says that there may be news. */
const parseWakeUp = (message = ''): readonly Xid[] => {
  const xids = message.split(',').map(parseXid);
  return xids.every((xid) => xid !== undefined) ? xids : [];
};

export const changeLogOf = (parts: ChangeLogParts): ChangeLog => {
  const { checks, receipts, upkeep, listen, answered } = parts;
  const faulty = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw toFault(error);
    }
  };
  const onChecks: OnConnection = (work) => faulty(checks(work));
  const forReceipts: OnConnection = (work) => faulty(receipts(work));
  const apart: OnConnection = (work) => faulty(upkeep(work));
  /** What the others are to be woken for. */
  const news = new Set<Xid>();
  // One at a time, however many write: who came while one was on its way is told of by the next.
  const wakeOthers = sharing(async () => {
    const message = formatWakeUp([...news]);
    news.clear();
    await forReceipts((connection) => connection.rows('select pg_notify($1, $2)', [logChannel, message]));
  });
  /** When each beat was first seen, by this process's own clock. */
  const seen = new Map<string, { readonly beat: number; readonly atMs: number }>();

  /** Drops from the list who has been silent for an hour by our own watch. */
  const forgetSilent = async (connection: LogConnection): Promise<void> => {
    const nowMs = performance.now();
    const listed = await listInstances(connection);
    for (const instance of listed) {
      const before = seen.get(instance.id);
      if (before?.beat !== instance.beat) seen.set(instance.id, { beat: instance.beat, atMs: nowMs });
      else if (nowMs - before.atMs > silentForMs) await dropSilent(connection, instance);
    }
    const ids = new Set(listed.map(({ id }) => id));
    for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
  };

  return {
    begin: ({ boundMs, retentionMs }) =>
      apart(async (connection) => {
        const { identity } = await begin(connection, { jMs: boundMs, retentionMs });
        return { identity };
      }),
    check: ({ boundMs, ...asked }) =>
      onChecks(async (connection) => {
        const answer = await check(connection, { ...asked, jMs: boundMs, protocol });
        answered?.(answer.identity);
        return answer;
      }),
    startingPoints: (maxRows) => onChecks((connection) => startingPoints(connection, maxRows)),
    missingTriggers: () =>
      onChecks(async (connection) =>
        (await checkTriggers(connection))
          .filter(({ state, isNeeded }) => isNeeded && state !== 'always')
          .map(({ table, name, state }) => `${name} on ${table} is ${state}`),
      ),
    renewEpoch: (identity) => apart((connection) => renewEpoch(connection, identity)),
    sweep: (retentionMs) =>
      apart(async (connection) => {
        await note(connection, retentionMs);
        await forgetSilent(connection);
        return await sweep(connection, retentionMs);
      }),
    size: () =>
      apart(async (connection) => {
        const [row] = await connection.rows(
          `select greatest(0, reltuples)::bigint::text as total from pg_class
            where oid = to_regclass('change_log')`,
        );
        return countIn(row, 'total');
      }),
    bounds: () =>
      forReceipts(async (connection) => {
        const { jMs, retentionMs } = await readBounds(connection);
        return { boundMs: jMs, retentionMs };
      }),
    instances: () => forReceipts(listInstances),
    leave: (id) => onChecks((connection) => leave(connection, id)),
    listen: (wake) => listen((message) => wake(parseWakeUp(message))),
    wakeOthers(xids) {
      for (const xid of xids) news.add(xid);
      return wakeOthers();
    },
  };
};
