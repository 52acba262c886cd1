import { setTimeout as sleep } from 'node:timers/promises';
import { migratePostgres } from '../../adapters/mikro-orm/migrate.ts';
import { parseDatabaseUrl } from '../../adapters/mikro-orm/postgres-url.ts';
import { openPostgresCluster, type PostgresCluster } from '../../tests/torture/postgres-cluster.ts';
import { sql } from '../../tests/torture/sql.ts';
import type { Context, Row, Verdict } from './benchmark.ts';
import { measureOpenSnapshot } from './open-snapshot.ts';
import { type Part, scaleOf, target, unless } from './parts.ts';
import { openRemote, type Remote } from './remote.ts';
import { serverCpuMs, shareDuring } from './server-cpu.ts';
import type { Settings } from './subject.ts';
import { populate } from './world.ts';

/** What the anchor cost where the targets were set, in percent of a core: they are held against it, as machines differ. */
const anchorThen = 2.8;

/** A share of a core as a multiple of the anchor's in the same run. */
const inAnchors = (what: string, mostPercent: number, percent: number, anchor: number): Verdict => {
  const most = mostPercent / anchorThen;
  return {
    target,
    wanted: `${what}: at most ${most.toFixed(1)} anchors (${mostPercent} % of a core where one takes ${anchorThen})`,
    measured: `${(percent / anchor).toFixed(1)} (${percent.toFixed(1)} % where one takes ${anchor.toFixed(1)})`,
    met: percent / anchor <= most,
  };
};

const settingsOn = (cluster: PostgresCluster, people: number): Settings => ({
  redisPort: 0,
  postgresUrl: `postgres://postgres@127.0.0.1:${cluster.port}/postgres`,
  people,
});

const openServer = async (people: number): Promise<PostgresCluster> => {
  const cluster = await openPostgresCluster({ max_connections: '400', autovacuum: 'off' });
  const address = parseDatabaseUrl(settingsOn(cluster, people).postgresUrl);
  if (!address.ok) throw new Error('a wrong address');
  await migratePostgres(address.value);
  await cluster.sql.run(sql.raw(populate(people)));
  await cluster.sql.run(sql.raw('vacuum analyze users'));
  return cluster;
};

/** The same work by so many instances, and by none. All shares are of one core, in percent. */
export const measureOnPostgres = async (context: Context): Promise<Part> => {
  const { instances, windowMs, settleMs } = scaleOf(context);
  await using cluster = await openServer(context.population);
  const settings = settingsOn(cluster, context.population);
  const [file] = await cluster.sql.run(sql`select pg_read_file('postmaster.pid') as text`);
  const pid = Number.parseInt(String(file?.['text']), 10);
  const share = (work: () => Promise<unknown>): Promise<number> => shareDuring(() => serverCpuMs(pid), work);
  const idle = (): Promise<number> => share(() => sleep(windowMs));

  const anchor = await withFleet('selects', settings, async (fleet) => {
    await fleet.call('start', instances / processes);
    await sleep(settleMs);
    return idle();
  });
  await using writer = await openRemote({ file: 'instances.ts', name: 'changes' }, settings);
  const change = async (): Promise<number> => Number((await writer.call('change', windowMs)).value);
  let rate = await change();
  const writing = (): Promise<number> =>
    share(async () => {
      rate = await change();
    });
  const before = await writing();
  const read = await withFleet('instances', settings, async (fleet) => {
    await fleet.call('start', instances / processes);
    await sleep(settleMs);
    const counted = async (measure: () => Promise<number>): Promise<Checked> => {
      const [startMs, start] = [performance.now(), await fleet.call('checks')];
      const percent = await measure();
      const checks = (await fleet.call('checks')) - start;
      return { percent, rate: checks / ((performance.now() - startMs) / 1000) };
    };
    const early = await counted(idle);
    // Each learns by it how many they are, and asks less often from then on.
    const startMs = performance.now();
    const during = await share(() => fleet.call('upkeep'));
    const upkeep = ((during - early.percent) * (performance.now() - startMs)) / everyMinuteMs;
    await sleep(settleMs);
    const late = await counted(idle);
    const busy = await counted(writing);
    return { early, upkeep, late, busy, open: await fleet.call('open') };
  });
  const unread = (before + (await writing())) / 2;
  const checks = read.busy.percent - unread;
  const row = (name: string, rate: number | string, percent: number): Row => ({
    name,
    cells: [rate, percent, percent / anchor, '', ''],
  });
  const who = `${instances} instances`;
  return {
    rows: [
      row('the anchor, select 1', instances * 2, anchor),
      row(`${who}, idle, checks in their first minute`, read.early.rate, read.early.percent),
      row(`${who}, idle, checks after that`, read.late.rate, read.late.percent),
      row(`${who}, what each does once a minute`, '', read.upkeep),
      row('changes that nobody reads', rate, unread),
      row(`changes that ${who} read, with the checks`, rate, read.busy.percent),
      row('the checks of these alone', read.busy.rate, checks),
      { name: 'gates that were open at the end', cells: [`${read.open} of ${instances}`, '', '', '', ''] },
      ...(await measureOpenSnapshot(
        cluster,
        settings.postgresUrl,
        context.short ? [0, 400] : [0, 5_000, 50_000],
      )),
    ],
    verdicts: [
      inAnchors(`PostgreSQL, ${who} that are idle`, 8, read.late.percent + read.upkeep, anchor),
      unless(
        read.open < instances && `${read.open} of ${instances} gates were open`,
        inAnchors('PostgreSQL, their checks at 1,000 changes a second', 20, checks, anchor),
      ),
    ],
  };
};

const everyMinuteMs = 60_000;

/** What a time with checks cost, and how many a second they were. */
type Checked = { readonly percent: number; readonly rate: number };

/** One process alone would be late with what so many instances hear. */
const processes = 2;

type Processes = { readonly call: (command: string, argument?: number) => Promise<number> };

/** The same command to each of them at once; the sum of their answers. */
const withFleet = async <T>(
  name: string,
  settings: Settings,
  work: (fleet: Processes) => Promise<T>,
): Promise<T> => {
  await using opened = new AsyncDisposableStack();
  const remotes: Remote[] = [];
  while (remotes.length < processes)
    remotes.push(opened.use(await openRemote({ file: 'instances.ts', name }, settings)));
  return await work({
    call: async (command, argument) => {
      const answers = await Promise.all(remotes.map((remote) => remote.call(command, argument)));
      return answers.reduce((sum, { value }) => sum + Number(value), 0);
    },
  });
};
