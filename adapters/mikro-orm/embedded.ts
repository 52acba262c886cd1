import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { dataDir as newCluster } from '@electric-sql/pglite-prepopulatedfs';
import { MikroORM } from '@mikro-orm/pglite';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { assemble } from './assemble.ts';
import { lockDataDirectory } from './data-directory.ts';
import { toFault } from './faults.ts';
import { journalChannel } from './journal.ts';
import { defaultMaxTransactionMs, ormOptions } from './orm-options.ts';
import { SerialQueue } from './serial-queue.ts';
import type { Admission } from './statements.ts';

export type EmbeddedConfig = {
  /** Where the database lives, in a folder `pglite`; made if absent. `null`: in memory, gone at the end. */
  readonly dataDir: string | null;
  readonly maxTransactionMs?: number | undefined;
};

/**
 * MikroORM on a cluster that is there or is made: unpacked, as PGlite's authors made it once, in half the time of an
 * initdb, and moved to its place when it is whole, so that a process that is killed amid its first start leaves none.
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

const openMigrated = async (place: string | null): Promise<MikroORM> => {
  const orm = await openIn(place);
  try {
    await orm.migrator.up();
    return orm;
  } catch (error) {
    await orm.close(true);
    throw error;
  }
};

/** Statements that may wait behind a slow one, and for how long: PGlite cannot interrupt a statement. */
const queueLimits = { maxWaiting: 1000, maxWaitMs: 1500 };

/**
 * PostgreSQL compiled to WebAssembly, in this process: the default for development and a small single node. One
 * statement at a time, each blocking the event loop while it runs. What was acknowledged survives SIGKILL.
 * Throws `DataDirectoryInUse` when another process has the directory open.
 */
export const openEmbedded = async (config: EmbeddedConfig, log: Log): Promise<Database> => {
  const { dataDir, maxTransactionMs = defaultMaxTransactionMs } = config;
  if (dataDir !== null) await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = dataDir === null ? undefined : await lockDataDirectory(dataDir);
  const orm = await openMigrated(dataDir === null ? null : join(dataDir, 'pglite')).catch(
    async (error: unknown) => {
      await lock?.[Symbol.asyncDispose]();
      throw toFault(error);
    },
  );
  log.info('database-ready', { kind: 'embedded', persistent: dataDir !== null });

  const queue = new SerialQueue(queueLimits);
  let closed = false;
  const admit: Admission = (work) =>
    queue.run(() => {
      if (closed) throw new DatabaseUnavailable('the database was closed');
      return work();
    });
  return assemble({
    em: orm.em,
    admit,
    maxTransactionMs,
    // One connection, which is this process; notifications in it are function calls.
    status: () => ({
      circuit: 'closed',
      isListening: !closed,
      connections: closed ? 0 : 1,
      idleConnections: closed || queue.isBusy ? 0 : 1,
      waiting: queue.waiting,
    }),
    async listen(wake) {
      const pglite = await orm.driver.getConnection().getNativeClient();
      const stop = await admit(() => pglite.listen(journalChannel, wake));
      return { [Symbol.asyncDispose]: () => (closed ? Promise.resolve() : admit(() => stop())) };
    },
    async close() {
      if (closed) return;
      try {
        // Behind whatever is running, so that nothing is torn in two.
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
export const migrateEmbedded = async (dataDir: string): Promise<readonly string[]> => {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await using _lock = await lockDataDirectory(dataDir);
  const orm = await openIn(join(dataDir, 'pglite'));
  try {
    return (await orm.migrator.up()).map(({ name }) => name);
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm.close(true);
  }
};
