import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseUserId } from '../../domain/identifiers.ts';
import { Random } from '../../tests/torture/random.ts';
import {
  type OpenSubject,
  type Settings,
  type Subject,
  sharedNowMs,
  type Workload,
} from '../harness/subject.ts';
import { zipf } from '../harness/zipf.ts';
import { peers } from '../peers/index.ts';
import { idsOf } from './people.ts';
import { changeRow, findRow, openPool } from './postgres.ts';

/** Users in PostgreSQL through a cache: what Kith and every peer is made into. */
type Store = {
  /** The version that is read, and the tier if it says so. */
  readonly read: (id: string) => Promise<readonly [version: number, source: string]>;
  /** Changes a user; the new version, when every invalidation is done that the writer waits for. */
  readonly write: (id: string) => Promise<number>;
  readonly loads: () => number;
};

const openOwn = async (settings: Settings): Promise<Store> => {
  // Only here: it is most of what a process has to read at its start, and the peers do not need it.
  const { openKith } = await import('./open-kith.ts');
  const { kith, loads } = await openKith(settings, { database: 'postgres', redis: 'tiered' });
  const { getUser, changeProfile } = kith.useCases;
  let bio = 0;
  return {
    loads,
    read: async (text) => {
      const id = parseUserId(text);
      const user = id.ok ? await getUser({ kind: 'id', value: id.value }) : undefined;
      if (user?.ok !== true) throw new Error(`no user ${text}`);
      return [user.value.value.version, user.value.source];
    },
    write: async (text) => {
      const id = parseUserId(text);
      const user = id.ok ? await changeProfile(id.value, { bio: `${process.pid} ${bio++}` }) : undefined;
      if (user?.ok !== true) throw new Error(`no user ${text}`);
      return user.value.version;
    },
  };
};

const openOther = async ({ postgresUrl, redisPort }: Settings, name: string): Promise<Store> => {
  // Some of their clients say of a lost connection by an event that ends a process in which nobody listens.
  process.on('uncaughtException', () => undefined);
  const pool = openPool(postgresUrl);
  let loads = 0;
  let bio = 0;
  const find = (id: string): ReturnType<typeof findRow> => {
    loads++;
    return findRow(pool, id);
  };
  const cache = await peers[name]?.(redisPort, find);
  return {
    loads: () => loads,
    read: async (id) => [(await (cache?.read(id) ?? find(id))).version, 'unknown'],
    write: async (id) => {
      const version = await changeRow(pool, id, `${process.pid} ${bio++}`);
      await cache?.invalidate(id);
      return version;
    },
  };
};

/** One operation as its caller saw it: whose version, which, when asked (shared clock), when answered, and from where. */
export type Fact = readonly [person: number, version: number, startMs: number, endMs: number, source: string];
export type History = {
  readonly reads: readonly Fact[];
  readonly writes: readonly Fact[];
  /** Why an operation failed, each. */
  readonly failures: readonly string[];
  readonly loads: number;
};

const deadlineMs = 5000;

/** Some peers never answer what they were asked while Redis was away. That is a failure, and no reason to wait for ever. */
const inTime = async <T>(answer: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('no answer in time')), deadlineMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};

const work = async (store: Store, ids: readonly string[], workload: Workload): Promise<History> => {
  const random = new Random(workload.seed);
  const rank = zipf(ids.length, 0.99);
  const reads: Fact[] = [];
  const writes: Fact[] = [];
  const failures: string[] = [];
  let left = workload.operations;
  const loadsBefore = store.loads();
  const endMs = sharedNowMs() + workload.durationMs;
  const caller = async (): Promise<void> => {
    while (left-- > 0 && sharedNowMs() < endMs) {
      const person = rank(random);
      const id = ids[person] ?? '';
      const isRead = random.chance(workload.readShare);
      const pauseMs = workload.thinkMs * 2 * random.next();
      const startMs = sharedNowMs();
      try {
        const [version, source] = await inTime(
          isRead ? store.read(id) : store.write(id).then((to) => [to, 'database'] as const),
        );
        (isRead ? reads : writes).push([person, version, startMs, sharedNowMs(), source]);
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: workload.width }, caller));
  return { reads, writes, failures, loads: store.loads() - loadsBefore };
};

const subject = (store: Store, { people, workload }: Settings): Subject => {
  const ids = idsOf(people);
  return {
    /** 1,000 callers of one cold key; how often the database was asked. */
    storm: async (person) => {
      const before = store.loads();
      await Promise.all(Array.from({ length: 1000 }, () => store.read(ids[person] ?? '')));
      return store.loads() - before;
    },
    work: async () => (workload === undefined ? undefined : await work(store, ids, workload)),
    /** The versions that everybody has now, in the order of the people. */
    versions: async (count) => {
      const versions: number[] = [];
      for (const id of ids.slice(0, count)) {
        // No answer is not a wrong one.
        const version = await inTime(store.read(id)).then(
          ([read]) => read,
          () => Number.MAX_SAFE_INTEGER,
        );
        versions.push(version);
        if (version === Number.MAX_SAFE_INTEGER) break;
      }
      return versions;
    },
    /** So many writes, one after the other. */
    write: async (writes) => {
      for (let n = 0; n < writes; n++) await store.write(ids[n % ids.length] ?? '');
    },
  };
};

const other =
  (name: string): OpenSubject =>
  async (settings) =>
    subject(await openOther(settings, name), settings);

export const kith: OpenSubject = async (settings) => subject(await openOwn(settings), settings);
export const none: OpenSubject = other('none');
export const cacheAside: OpenSubject = other('cacheAside');
export const bentocache: OpenSubject = other('bentocache');
export const cacheable: OpenSubject = other('cacheable');
export const cacheableSynced: OpenSubject = other('cacheableSynced');
export const cacheManager: OpenSubject = other('cacheManager');
export const clientSideCache: OpenSubject = other('clientSideCache');
