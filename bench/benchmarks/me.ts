import { atLeast, type Benchmark, costColumns, costRow, find, timesAsFast } from '../harness/benchmark.ts';
import { getRequest, load } from '../harness/load.ts';
import { openRemote, type Remote } from '../harness/remote.ts';
import { type Contestant, measure } from '../harness/rounds.ts';
import type { Settings } from '../harness/subject.ts';

const connections = 16;
const anchor = 'h3, a constant';
const memory = 'Kith, memory, embedded';
const redis = 'Kith, Redis';
const jose = 'h3, a constant behind jose on every request';
const betterAuth = 'better-auth, get-session, Redis';

/** The share of a server's look-ups that Redis answered. */
const redisShareOf = async (remote: Remote): Promise<number> => {
  const { memory, redis, database } = parseTiers((await remote.call('statistics')).value);
  return redis / (memory + redis + database);
};

const parseTiers = (value: unknown) =>
  value as { readonly memory: number; readonly redis: number; readonly database: number };

type Server = { readonly contestant: Contestant; readonly remote: Remote };

/** A server in a process of its own, loaded from this one; the cost is the server's. */
const openServer = async (
  opened: AsyncDisposableStack,
  settings: Settings,
  [name, file, subject, path = '/me']: readonly [string, string, string, string?],
): Promise<Server> => {
  const remote = opened.use(await openRemote({ file, name: subject }, settings));
  const { port, headers } = parseWhere((await remote.call('where')).value);
  const request = getRequest(path, headers);
  const measure = async (operations: number): Promise<number> => {
    const before = await remote.call('cpuUs');
    await load({ port, request }, operations, connections);
    const after = await remote.call('cpuUs');
    return (after.cpuBeforeUs - before.cpuAfterUs) / operations;
  };
  return { contestant: { name, measure }, remote };
};

const parseWhere = (value: unknown) =>
  value as { readonly port: number; readonly headers: Readonly<Record<string, string>> };

export const me: Benchmark = {
  name: 'me',
  title: 'GET /me with a valid token',
  about: `The server's own CPU under ${connections} kept connections, one user. The answer of the constants is as long as the user.`,
  run: async ({ settings, pace, peers }) => {
    await using opened = new AsyncDisposableStack();
    const servers: Server[] = [];
    for (const server of [
      [anchor, 'http.ts', 'h3Constant'],
      ['node:http, a constant', 'http.ts', 'nodeConstant'],
      [jose, 'http.ts', 'h3Jose'],
      ['h3, a text from Redis', 'http.ts', 'h3Redis'],
      [memory, 'http.ts', 'kithEmbedded'],
      ['Kith, memory over Redis', 'http.ts', 'kithTiered'],
      [redis, 'http.ts', 'kithRedis'],
      ...(peers ? ([[betterAuth, 'better-auth.ts', 'betterAuth', '/api/auth/get-session']] as const) : []),
    ] as const)
      servers.push(await openServer(opened, settings, server));
    const contestants = servers.map(({ contestant }) => contestant);
    const measured = await measure(contestants, pace);
    const overRedis = servers.find(({ contestant }) => contestant.name === redis);
    const redisShare = overRedis === undefined ? 0 : await redisShareOf(overRedis.remote);
    const own = find(measured, memory);
    return {
      columns: costColumns,
      rows: measured.map(costRow),
      verdicts: [
        ...atLeast('P5', 'memory hit, of the anchor', 0.8, own?.ofAnchor.median),
        ...atLeast('P5', 'times h3 with jose', 2, timesAsFast(own, find(measured, jose))),
        ...atLeast('P5', 'times better-auth', 5, timesAsFast(own, find(measured, betterAuth))),
        ...atLeast(
          'P6',
          `Redis hit, of the anchor (${Math.round(redisShare * 100)} % of the answers were from Redis)`,
          0.6,
          find(measured, redis)?.ofAnchor.median,
        ),
      ],
    };
  },
};
