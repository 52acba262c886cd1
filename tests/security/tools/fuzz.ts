/**
 * The long form of fuzzing: `node tests/security/tools/fuzz.ts [requests] [seed]`. The same hostile requests, made of the
 * OpenAPI schemas, to Node and Deno in lock step, in parts of 5,000 with servers and a seed of their own; writes what came of
 * them into docs/security-runs.md. Ends with 1 if an answer was a 5xx, was none, or was not the same on both.
 */
import process from 'node:process';
import { lockstep, startTwins } from '../lockstep.ts';
import { record, today } from './record.ts';

const perPart = 5000;
const requests = Number(process.argv[2] ?? 100_000);
const firstSeed = Number(process.argv[3] ?? 20_261_122);

let isGood = true;
for (let part = 0; part * perPart < requests; part++) {
  const seed = firstSeed + part;
  const count = Math.min(perPart, requests - part * perPart);
  const startedMs = performance.now();
  const servers = await startTwins();
  const { statuses, operations, flaws } = await lockstep(servers, { count, seed });
  const exits: (number | null)[] = [];
  for (const server of servers) exits.push(await server.stop());
  const crashes = servers.filter(
    (server, n) => exits[n] !== 0 || /http\.unexpected|crashed|Uncaught/.test(server.output()),
  ).length;
  const told = [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, times]) => `${status}: ${times}`)
    .join(', ');
  const verdict = flaws.length === 0 && crashes === 0 ? 'held' : '**broken**';
  isGood &&= verdict === 'held';
  for (const flaw of flaws) process.stdout.write(`${flaw}\n`);
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  process.stdout.write(`seed ${seed}: ${verdict}, ${count} requests, ${crashes} crashes, ${seconds} s\n`);
  await record(
    'Fuzzing',
    ['seed', 'requests', 'verdict', 'operations that let something in', 'statuses', 'run on'],
    [{ key: `${seed}`, cells: [count, verdict, operations.size, told, today()] }],
    (rows) => {
      const total = rows.reduce((sum, [, count = '0']) => sum + Number(count), 0);
      return `\`node tests/security/tools/fuzz.ts\`: requests made of the OpenAPI schemas with fast-check, each sent byte for byte to a server on Node ${process.versions.node} and one on Deno, over kept connections, with a database in memory, a quick hasher, and time and ids that follow the number of requests. "Held": the two answers were the same, status, headers and body (but for the id of the request and the date), none was a 5xx, and neither server crashed. In all ${total} requests, ${rows.filter(([, , verdict]) => verdict !== 'held').length} parts broken.`;
    },
  );
}
process.exitCode = isGood ? 0 : 1;
