import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { read, root } from './files.ts';

const run = promisify(execFile);

/** The instructions with continued lines joined, in stages. */
const stages = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.split(/\s+/)[0] ?? '', rest: line.replace(/^\S+\s+/, '').trim() }))
  .reduce<{ readonly name: string; readonly rest: string }[][]>((all, instruction) => {
    if (instruction.name === 'FROM') all.push([]);
    all.at(-1)?.push(instruction);
    return all;
  }, []);
const last = stages.at(-1) ?? [];
const only = (name: string): string => {
  const found = last.filter((instruction) => instruction.name === name);
  expect(found, name).toHaveLength(1);
  return found[0]?.rest ?? '';
};

describe('the Dockerfile', () => {
  it('has no fault that a linter sees; and the linter sees one', () => {
    expect(validate(read('Dockerfile'))).toEqual([]);
    expect(validate('FROM a\nRUNX b\nHEALTHCHECK CMD true\nHEALTHCHECK CMD true')).not.toEqual([]);
  });

  it('installs in one stage and runs in another, on the Node that we run on', () => {
    expect(stages).toHaveLength(2);
    const [major] = manifest.devDependencies.node.split('.');
    for (const [from] of stages) expect(from?.rest).toMatch(new RegExp(`^node:${major}-[a-z]+-slim\\b`));
    const install = stages[0]?.find(({ name }) => name === 'RUN')?.rest;
    expect(install).toMatch(/^npm ci --omit=dev --ignore-scripts .*--cache \/tmp\/npm && rm -rf \/tmp\/npm$/);
    expect(last.filter(({ name, rest }) => name === 'RUN' && /npm|apt|curl/.test(rest))).toEqual([]);
  });

  it('copies what the program needs, which exists and is not ignored, and nothing of ours beyond', () => {
    const copied = last
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .map(({ rest }) => rest.split(' ')[0] ?? '');
    expect(copied.sort()).toEqual(
      ['adapters', 'application', 'cli', 'composition', 'domain', 'package.json'].sort(),
    );
    const allowed = read('.dockerignore').match(/^!.+$/gm) ?? [];
    expect(read('.dockerignore')).toMatch(/^\*$/m);
    for (const path of [...copied, 'package-lock.json']) {
      expect(existsSync(join(root, path)), path).toBe(true);
      expect(allowed).toContain(`!${path}`);
    }
    expect(allowed).toHaveLength(copied.length + 1);
  });

  it('runs as nobody in particular, gets the signals itself, and says how it is', () => {
    expect(only('USER')).toBe('node');
    expect(JSON.parse(only('ENTRYPOINT'))).toEqual(['node', 'cli/main.ts']);
    expect(JSON.parse(only('CMD'))).toEqual(['start']);
    expect(only('STOPSIGNAL')).toBe('SIGTERM');
    expect(only('ENV')).toContain('NODE_ENV=production');
    expect(only('ENV')).not.toMatch(/SECRET|PASSWORD|_URL/);
  });

  it('has a health check that tells a server that is ready from one that is not, and from none', async () => {
    const [program = '', ...args]: readonly string[] = JSON.parse(
      only('HEALTHCHECK').replace(/^.*?CMD /, ''),
    );
    expect(program).toBe('node');
    let status = 200;
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/health/ready' ? status : 404;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { PATH = '' } = process.env;
    const check = (): Promise<number> =>
      run(join(root, 'node_modules/.bin/node'), args, { env: { PATH, PORT: `${port}` } }).then(
        () => 0,
        (error: { readonly code: number }) => error.code,
      );
    expect(await check()).toBe(0);
    status = 503;
    expect(await check()).toBe(1);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await check()).toBe(1);
  });
});
