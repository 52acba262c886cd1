import { setTimeout as sleep } from 'node:timers/promises';
import { parseDatabaseUrl } from '../../adapters/mikro-orm/postgres-url.ts';
import { urlOf } from '../../tests/support/postgres.ts';
import type { Context } from './benchmark.ts';
import { type Counter, countCommands, countStatements } from './counted.ts';
import { atMost, type Part } from './parts.ts';
import { openRemote } from './remote.ts';

export interface Watch extends AsyncDisposable {
  result(): Promise<Part>;
}

/** Of the statements or commands that were counted in a time: those of the busiest connection, or of all. */
const perSecond = ({ sent }: Counter, [fromMs, toMs]: readonly [number, number]) => {
  const within = sent.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const seconds = (toMs - fromMs) / 1000;
  const greatest = (groups: ReadonlyMap<unknown, readonly unknown[]>): number =>
    Math.max(0, ...[...groups.values()].map(({ length }) => length));
  return {
    all: within.length / seconds,
    busiestConnection: greatest(Map.groupBy(within, ({ connection }) => connection)) / seconds,
    busiestSecond: greatest(Map.groupBy(within, ({ atMs }) => Math.floor((atMs - fromMs) / 1000))),
  };
};

/** One real instance on the servers of the run. */
export const watchIdle = async ({ settings, short }: Context): Promise<Watch> => {
  await using opened = new AsyncDisposableStack();
  const address = parseDatabaseUrl(settings.postgresUrl);
  if (!address.ok) throw new Error('a wrong address');
  const statements = opened.use(await countStatements(address.value));
  const through = urlOf({ ...address.value, host: '127.0.0.1', port: statements.port });
  opened.use(await openRemote({ file: 'stores.ts', name: 'kith' }, { ...settings, postgresUrl: through }));
  await sleep(short ? 500 : 2000);
  const commands = opened.use(await countCommands(settings.redisPort));
  const fromMs = performance.now();
  const open = opened.move();
  return {
    result: async () => {
      const window = [fromMs, performance.now()] as const;
      const toDatabase = perSecond(statements, window);
      const toRedis = perSecond(commands, window);
      return {
        rows: [
          { name: 'an instance: statements to the database', cells: [toDatabase.all, '', '', '', ''] },
          { name: 'those in its busiest second', cells: [toDatabase.busiestSecond, '', '', '', ''] },
          { name: 'an instance: commands to Redis', cells: [toRedis.all, '', '', '', ''] },
          { name: 'those on its busiest connection', cells: [toRedis.busiestConnection, '', '', '', ''] },
        ],
        verdicts: [
          atMost('statements a second of an idle instance', 5, toDatabase.all),
          atMost('commands a second on a connection to Redis', 15, toRedis.busiestConnection),
        ],
      };
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
};
