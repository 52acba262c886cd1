import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers';
import { PGlite } from '@electric-sql/pglite';
import { dataDir as newCluster } from '@electric-sql/pglite-prepopulatedfs';
import { MikroORM } from '@mikro-orm/pglite';
import { maxTransactionMs as longestTransactionMs } from '../../application/caching/limits.ts';
import { Closed } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { StartRefused } from '../system/messages.ts';
import { Queue } from '../system/queue.ts';
import { assemble } from './assemble.ts';
import { beginAnew, emptyLog } from './change-log.ts';
import { changeLogOf, logChannel, type OnConnection } from './change-log-port.ts';
import { inDataDirectory, lockDataDirectory } from './data-directory.ts';
import { toFault } from './faults.ts';
import { lendOnly } from './lent-connection.ts';
import { onEmbedded, onKysely } from './log-connection.ts';
import { ormOptions } from './orm-options.ts';
import { proveRules, warnOfRules } from './prove-rules.ts';
import { runMigrations } from './run-migrations.ts';
import type { Admission } from './statements.ts';

export type EmbeddedConfig = {
  /** Where the database lives, in a folder `pglite`; made if absent. `null`: in memory, gone at the end. */
  readonly dataDir: string | null;
  readonly maxTransactionMs?: number | undefined;
};

/**
 * MikroORM on a cluster that is there or is made: unpacked, as PGlite's authors made it once, in half the time of an
 * initdb, and moved to its place when it is whole, so that a process that is killed during its first start leaves no
 * half of a cluster there.
 */
const openIn = async (place: string | null) => {
  if (place !== null && !existsSync(place)) {
    const unfinished = `${place}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    const cluster = await PGlite.create(unfinished, { loadDataDir: await newCluster() });
    await cluster.close();
    await rename(unfinished, place);
  }
  return new MikroORM({ ...ormOptions, dbName: place ?? 'memory://' });
};

const claim = (dataDir: string): Promise<AsyncDisposable> =>
  inDataDirectory(dataDir, async () => {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    return lockDataDirectory(dataDir);
  });

const openMigrated = async (place: string | null, log: Log): Promise<MikroORM> => {
  const orm = await openIn(place);
  try {
    const { applied, unprovedRules } = await migrateOn(orm);
    if (applied.length > 0) warnOfRules(log, unprovedRules);
    return orm;
  } catch (error) {
    await orm.close(true);
    throw error;
  }
};

type Migrated = { readonly applied: readonly string[]; readonly unprovedRules: readonly string[] };

const migrateOn = async (orm: MikroORM): Promise<Migrated> => {
  const applied = await runMigrations(orm);
  return { applied, unprovedRules: await proveRules(onKysely(orm.em.getKysely<unknown>())) };
};

/**
 * One statement or transaction at a time: PGlite has one connection, and a statement from elsewhere would run inside
 * whatever transaction is open. Their number and their wait are bounded, because PGlite cannot interrupt a statement.
 * The bound on the wait also ends a mistake of ours: a statement that the open transaction waits for, but that was not
 * sent inside it.
 */
const queueLimits = { maxRunning: 1, maxWaiting: 1000, maxWaitMs: 1500 };

const sweepUnreadMs = 600_000;

/**
 * PostgreSQL compiled to WebAssembly, in this process: the default for development and a small single node. One
 * statement at a time, each blocking the event loop while it runs. What was acknowledged survives SIGKILL.
 * Throws `DataDirectoryInUse` when another process has the directory open, `StartRefused` where it cannot be used.
 */
export const openEmbedded = async (config: EmbeddedConfig, log: Log): Promise<Database> => {
  const { dataDir, maxTransactionMs = longestTransactionMs } = config;
  const lock = dataDir === null ? undefined : await claim(dataDir);
  const open = () => openMigrated(dataDir === null ? null : join(dataDir, 'pglite'), log);
  const orm = await (dataDir === null ? open() : inDataDirectory(dataDir, open)).catch(
    async (error: unknown) => {
      await lock?.[Symbol.asyncDispose]();
      throw error instanceof StartRefused ? error : toFault(error);
    },
  );
  log.info('database-ready', { kind: 'embedded', persistent: dataDir !== null });

  // PGlite resolves in microtasks, so the event loop has to go on before each statement. Otherwise many of them would
  // block this process until all were done, while requests wait unread in their sockets and the bounds of the queue
  // have no effect.
  const queue = new Queue(queueLimits, setImmediate);
  let closed = false;
  const admit: Admission = (work) =>
    queue.run(() => {
      if (closed) throw new Closed();
      return work();
    });
  const pglite = await orm.driver.getConnection().getNativeClient();
  const onDatabase: OnConnection = (work) => admit(() => work(onEmbedded(pglite)));
  // Nobody but this process changes anything, so what was read before this start is what nobody can vouch for.
  await onDatabase(beginAnew);
  let isLogRead = false;
  const sweeping = setInterval(() => {
    // Without Redis nobody reads the log: what happens here is known here.
    if (!isLogRead && !closed) onDatabase(emptyLog).catch(() => undefined);
  }, sweepUnreadMs);
  sweeping.unref();
  return assemble({
    em: orm.em,
    events: log,
    admit,
    lend: lendOnly(pglite),
    maxTransactionMs,
    // One connection, which is this process; notifications in it are function calls.
    status: () => ({
      circuit: 'closed',
      isListening: !closed,
      connections: closed ? 0 : 1,
      idleConnections: closed || queue.load().running > 0 ? 0 : 1,
      waiting: queue.load().waiting,
    }),
    log: changeLogOf({
      checks: (work) => {
        isLogRead = true;
        return onDatabase(work);
      },
      receipts: onDatabase,
      upkeep: onDatabase,
      async listen(wake) {
        const stop = await admit(() => pglite.listen(logChannel, wake));
        return { [Symbol.asyncDispose]: () => (closed ? Promise.resolve() : admit(() => stop())) };
      },
    }),
    async close() {
      if (closed) return;
      clearInterval(sweeping);
      try {
        // After what is running now, so that nothing is interrupted in the middle.
        await queue.runPatiently(async () => {
          closed = true;
          await orm.close(true);
        });
      } finally {
        await lock?.[Symbol.asyncDispose]();
      }
    },
  });
};

/** Runs what is missing of the migrations and closes the database again; says what that was. */
export const migrateEmbedded = async (dataDir: string): Promise<Migrated> => {
  await using _lock = await claim(dataDir);
  const orm = await inDataDirectory(dataDir, () => openIn(join(dataDir, 'pglite')));
  try {
    return await migrateOn(orm);
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm.close(true);
  }
};
