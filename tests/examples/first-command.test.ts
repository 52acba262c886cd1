/**
 * The first command of README.md, word by word, as somebody types it who has just cloned the repository, in a shell that has
 * NODE_ENV=production and nothing else. It installs all packages, so it is not a part of `npm test`:
 * `npm run test:examples`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';
import { readPage, root, stepsOf } from '../docs/pages.ts';
import { freePort } from '../support/redis-server.ts';

const stopped = Symbol('stopped');

// It is npm's and Node's, whoever runs this test: once is enough.
it.skipIf('Deno' in globalThis)(
  'installs, starts and lets somebody log in',
  { timeout: 1_200_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kith-first-'));
    const clone = join(folder, 'kith');
    // What npm put in front of the path is this checkout's; a stranger has it not.
    const PATH = (process.env['PATH'] ?? '')
      .split(delimiter)
      .filter((each) => !each.includes('node_modules'))
      .join(delimiter);
    const env = { PATH, HOME: process.env['HOME'] ?? '', NODE_ENV: 'production' };
    execFileSync('git', ['clone', '--quiet', root, clone], { env });
    const { blocks } = readPage('README.md', readFileSync(join(clone, 'README.md'), 'utf8'));
    const command = blocks.find(({ remark }) => remark === 'starts the server')?.code ?? '';
    const session = blocks.find(({ language }) => language === 'console');
    if (session === undefined) throw new Error('README.md shows no session');

    // The usual ports may be somebody else's on this machine.
    const [port, opsPort] = [await freePort(), await freePort()];
    const child = spawn('sh', ['-c', command], {
      env: { ...env, PORT: String(port), OPS_PORT: String(opsPort) },
      cwd: clone,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const ended = once(child, 'close').then(() => stopped);
    try {
      while (!(await isReady(port))) {
        const pause = new Promise((resolve) => setTimeout(resolve, 200));
        if ((await Promise.race([ended, pause])) === stopped) throw new Error(`it ended: ${output}`);
      }
      expect(output).toContain(`kith: listening on http://127.0.0.1:${port}, `);
      // To the first answer that only somebody who has logged in gets.
      const steps = stepsOf(session);
      const last = steps.findIndex(({ command }) => command.includes('/me '));
      const script = steps
        .slice(0, last + 1)
        .map(({ command }) => command.replaceAll('localhost:3000', `127.0.0.1:${port}`))
        .join('\n');
      const said = execFileSync('bash', ['-c', script], { env, encoding: 'utf8' });
      expect(said).toContain('"username":"ann"');
      expect(said).toContain('HTTP/1.1 200 OK');
    } finally {
      // The whole group: the shell does not hand a signal on to npm.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    }
    // In order, so that nothing has to be repaired at the next start.
    expect(output).toContain('"event":"stopped","complete":true');
  },
);

const isReady = async (port: number): Promise<boolean> => {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
};
