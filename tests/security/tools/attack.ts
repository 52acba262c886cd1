/**
 * sqlmap and slowhttptest, as Debian has them, against a server of its own on loopback: `node tests/security/tools/attack.ts`.
 * It installs what is missing where it may (root on Debian), takes some ten minutes at most, and writes the verdicts into
 * docs/security-runs.md. Ends with 1 if one of them is bad.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Server, startServer } from '../server.ts';

type Verdict = {
  readonly tool: string;
  readonly target: string;
  readonly verdict: string;
  readonly good: boolean;
  readonly seconds: number;
};

const perRunSeconds = 150;
const connections = 400;
const slowSeconds = 30;

const ensure = (program: string): void => {
  if (spawnSync('which', [program]).status === 0) return;
  if (process.getuid?.() !== 0) throw new Error(`${program} is needed: apt-get install ${program}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', program], {
    env,
    stdio: 'inherit',
  });
};

const run = (
  program: string,
  args: readonly string[],
): Promise<{ output: string; seconds: number; late: boolean }> =>
  new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: perRunSeconds * 1000 });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', reject);
    child.on('exit', (_, signal) =>
      resolve({ output, seconds: Math.round((performance.now() - startedMs) / 1000), late: signal !== null }),
    );
  });

const sqlmap = async (target: string, args: readonly string[], directory: string): Promise<Verdict> => {
  const settings = [
    '--batch',
    '--flush-session',
    '--level=3',
    '--risk=2',
    '--threads=4',
    '--timeout=5',
    '--retries=0',
  ];
  const quiet = ['--ignore-code=*', '--disable-coloring', `--output-dir=${directory}`, '--dbms=PostgreSQL'];
  const { output, seconds, late } = await run('sqlmap', [...args, ...settings, ...quiet]);
  // "appears to be injectable" is a suspicion, which sqlmap itself checks and withdraws: a log-in that is 401 now and
  // 429 a moment later looks like a condition that was evaluated.
  const found = /is vulnerable|identified the following injection point/i.test(output);
  const done = /do(?:es)? not (?:seem|appear) to be injectable/.test(output);
  const verdict = found
    ? 'INJECTABLE'
    : done
      ? 'all tested parameters do not appear to be injectable'
      : late
        ? `nothing found in ${perRunSeconds} s`
        : `no verdict: ${output.trim().split('\n').at(-1)?.slice(0, 120)}`;
  return { tool: 'sqlmap', target, verdict, good: !found && (done || late), seconds };
};

const slowModes: readonly (readonly [name: string, args: readonly string[], path: string])[] = [
  ['slowloris (headers)', ['-H', '-i', '2'], '/health/live'],
  ['slow body', ['-B', '-i', '2', '-t', 'POST', '-f', 'application/json'], '/auth/login'],
  ['slow read', ['-X', '-w', '8', '-y', '16', '-n', '2', '-z', '8', '-k', '2'], '/openapi.json'],
  ['range', ['-R', '-a', '10', '-b', '3000', '-t', 'HEAD'], '/docs'],
];

/** Another client asks all the while: what counts is whether it is answered. */
const slow = async (server: Server, [name, args, path]: (typeof slowModes)[number]): Promise<Verdict> => {
  const latencies: number[] = [];
  let failed = 0;
  let attacking = true;
  const bystander = (async () => {
    while (attacking) {
      const startedMs = performance.now();
      const ok = await fetch(`${server.url}/health/live`, { signal: AbortSignal.timeout(5000) }).then(
        (response) => response.ok,
        () => false,
      );
      if (ok) latencies.push(performance.now() - startedMs);
      else failed++;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  const bounds = [
    '-c',
    `${connections}`,
    '-r',
    '200',
    '-l',
    `${slowSeconds}`,
    '-p',
    '5',
    '-u',
    `${server.url}${path}`,
  ];
  const { output, seconds } = await run('slowhttptest', [...args, ...bounds]);
  attacking = false;
  await bystander;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the tool colours what it prints.
  const plain = output.replace(/\u001b\[[0-9;]*m/g, '');
  const available = [...plain.matchAll(/service available:\s*(\w+)/g)].map(([, state]) => state);
  const exit = /Exit status: (.*)/.exec(plain)?.[1] ?? 'none';
  const p99 = [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
  const down = available.filter((state) => state === 'NO').length;
  return {
    tool: 'slowhttptest',
    target: `${name}, ${connections} connections, ${slowSeconds} s`,
    verdict: `service unavailable in ${down} of ${available.length} reports; "${exit.trim()}"; a bystander: ${latencies.length} answered, ${failed} failed, p99 ${p99.toFixed(0)} ms`,
    good: down === 0 && failed === 0 && available.length > 0,
    seconds,
  };
};

const main = async (): Promise<void> => {
  for (const program of ['sqlmap', 'slowhttptest']) ensure(program);
  const directory = await mkdtemp(join(tmpdir(), 'kith-attack-'));
  await using server = await startServer('node', {
    LIMIT_LOGIN_PER_MINUTE: '0',
    LIMIT_REGISTER_PER_MINUTE: '0',
    JWT_TTL: '3600',
    ...(process.env['DATABASE_URL'] === undefined ? {} : { DATABASE_URL: process.env['DATABASE_URL'] }),
  });
  const post = async (path: string, body: object, token = ''): Promise<string> => {
    const headers = {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    };
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return response.text();
  };
  const password = 'correct horse battery staple';
  const name = `victim${Date.now().toString(36)}`;
  const session = await post('/auth/register', { email: `${name}@example.com`, username: name, password });
  const token = /"access_token":"([^"]+)"/.exec(session)?.[1] ?? '';
  const contact = await post('/contacts', { first_name: 'Bob', notes: 'secret' }, token);
  const id = /"id":"([^"]+)"/.exec(contact)?.[1] ?? '';
  const auth = `--header=Authorization: Bearer ${token}`;
  const json = ['--header=Content-Type: application/json'];

  const verdicts: Verdict[] = [];
  const note = (verdict: Verdict): void => {
    verdicts.push(verdict);
    process.stdout.write(
      `${verdict.good ? 'good' : 'BAD '} ${verdict.tool} ${verdict.target}: ${verdict.verdict}\n`,
    );
  };
  const { url } = server;
  const q = `${url}/contacts?q=Bob&skip=0&limit=5`;
  note(await sqlmap('GET /contacts?q=&skip=&limit=', ['-u', q, auth], directory));
  note(await sqlmap('GET /contacts/{id}', ['-u', `${url}/contacts/${id}*`, auth], directory));
  note(
    await sqlmap(
      'GET /users/by-username/{username}',
      ['-u', `${url}/users/by-username/${name}*`, auth],
      directory,
    ),
  );
  const logIn = JSON.stringify({ identifier: `${name}*`, password: 'x*' });
  note(await sqlmap('POST /auth/login', ['-u', `${url}/auth/login`, '--data', logIn, ...json], directory));
  const patch = JSON.stringify({ notes: 'x*', last_name: 'y*' });
  const patched = ['-u', `${url}/contacts/${id}`, '--method=PATCH', '--data', patch, auth, ...json];
  note(await sqlmap('PATCH /contacts/{id}', patched, directory));
  for (const mode of slowModes) note(await slow(server, mode));
  const errors = (server.output().match(/http\.unexpected|crashed/g) ?? []).length;
  await rm(directory, { recursive: true, force: true });

  const rows = verdicts.map(
    ({ tool, target, verdict, good, seconds }) =>
      `| ${tool} | \`${target}\` | ${good ? 'held' : '**broken**'} | ${verdict} | ${seconds} |`,
  );
  const version = (program: string): string =>
    execFileSync('dpkg-query', ['--show', program], { encoding: 'utf8' }).split('\t')[1]?.trim() ?? '';
  const database = process.env['DATABASE_URL'] === undefined ? 'PGlite' : 'PostgreSQL';
  const text = `# Runs of attack tools

Written by \`node tests/security/tools/attack.ts\`: a server of its own on loopback (Node ${process.versions.node}, ${database}), sqlmap ${version('sqlmap')} at level 3 and risk 2 for at most ${perRunSeconds} s a target, slowhttptest ${version('slowhttptest')}. Run on ${new Date().toISOString().slice(0, 10)}. Unexpected errors and crashes in the log of the server: ${errors}.

| tool | target | verdict | in its words | s |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
  const file = new URL('../../../docs/security-runs.md', import.meta.url);
  // What stands under a heading of its own is of other tools and stays.
  const before = await readFile(file, 'utf8').catch(() => '');
  const kept = before.includes('\n## ') ? before.slice(before.indexOf('\n## ')) : '';
  await writeFile(file, text + kept);
  process.exitCode = verdicts.every(({ good }) => good) && errors === 0 ? 0 : 1;
};

await main();
