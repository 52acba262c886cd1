/**
 * Several instances on a database in which one snapshot stays open, as under a long `pg_dump`:
 * `node tests/faults/open-snapshot.ts [--minutes 60] [--instances 10] [--page docs/open-snapshot.md]`.
 * No row that was deleted meanwhile can be cleared away, and each instance writes a beat with every check. Exits with 0 if no
 * gate closed, with 1 if one did.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { listStatement } from '../../adapters/mikro-orm/instances.ts';
import { compose, configFrom, type Kith } from '../../composition/compose.ts';
import { ensurePostgres, needRedis } from '../../scripts/servers.ts';
import { clientsOf } from '../adapters/mikro-orm/change-log-support.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';
import { percentile } from './checks.ts';
import { versions } from './versions.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    instances: { type: 'string', default: '10' },
    page: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const instances = Number(values.instances);
const sampleEveryMs = 100;
const rows = 12;

const openInstance = async (url: string): Promise<Kith> => {
  const kith = await compose(
    configFrom({ DATABASE_URL: url, JWT_SECRET: randomBytes(48).toString('base64url'), LOG_LEVEL: 'error' }),
  );
  if (!(await kith.ready())) throw new Error('the database does not answer');
  return kith;
};

const timeMs = async (work: () => Promise<unknown>): Promise<number> => {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
};

/** What another writer does all the time: rows of the log, and dead versions of rows. */
const write = ({ query }: TestDatabase, n: number): Promise<unknown> =>
  query(`update users set occupation = 'o${n}' where username = 'ann'`);

const run = async (): Promise<boolean> => {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createTestDatabase());
  const kiths: Kith[] = [];
  for (let n = 0; n < instances; n++) kiths.push(opened.use(await openInstance(urlOf(database.address))));
  const [first] = kiths;
  if (first === undefined) throw new Error('no instances');
  await first.useCases.register({
    email: 'ann@example.com',
    username: 'ann',
    password: 'a long pass phrase',
  });
  const isOpen = async (kith: Kith) => (await kith.useCases.getCacheStatus()).gate === 'open';
  while (!(await Promise.all(kiths.map(isOpen))).every(Boolean)) await sleep(sampleEveryMs);

  const holder = await opened.use(await clientsOf(database.address, false)).connect();
  await holder.run('set idle_in_transaction_session_timeout = 0');
  await holder.run('begin isolation level repeatable read; select count(*) from users');
  const startMs = performance.now();
  const lines: string[] = [];
  let [samples, closed] = [0, 0];
  for (let row = 1; row <= rows; row++) {
    const listMs: number[] = [];
    while (performance.now() - startMs < (row * minutes * 60_000) / rows) {
      await write(database, samples);
      const open = await Promise.all(kiths.map(isOpen));
      samples += open.length;
      closed += open.filter((each) => !each).length;
      if (samples % (20 * instances) === 0) listMs.push(await timeMs(() => database.query(listStatement)));
      await sleep(sampleEveryMs);
    }
    // It is still open: it sees nothing of what the others changed.
    const [seen] = await holder.run('select occupation from users');
    if (seen?.['occupation'] !== null) throw new Error('the snapshot was not held');
    const [sizes] = await database.query(
      `select pg_relation_size('instances') / 1024 as instances, pg_relation_size('change_log') / 1024 as log`,
    );
    const listed = percentile(listMs, 0.5).toFixed(1);
    const line = `| ${((row * minutes) / rows).toFixed(0)} | ${samples} | ${closed} | ${listed} | ${sizes?.['instances']} | ${sizes?.['log']} |`;
    process.stdout.write(`${line}\n`);
    lines.push(line);
  }
  const result = `# One snapshot, open for ${minutes} minutes

${closed === 0 ? 'Passed' : 'FAILED'}: ${instances} instances, each asked ten times a second whether its gate is open; closed ${closed} of ${samples} times.
Somebody changed a row behind Kith's back ten times a second meanwhile. Made by \`node tests/faults/open-snapshot.ts --minutes ${minutes}\`: ${await versions(needRedis())}.

| minute | asked | closed | list of instances, ms | table of beats, KiB | log, KiB |
| --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
  if (values.page !== undefined) await writeFile(values.page, result);
  process.stdout.write(result);
  return closed === 0;
};

const postgres = await ensurePostgres();
process.env['TEST_DATABASE_URL'] = postgres.url;
try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  await postgres.stop();
}
