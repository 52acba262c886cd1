/**
 * The documentation, tried: every block of code in it is run, type-checked, parsed or compared with the file that it quotes,
 * on the runtime that the tests run on. A block for which that cannot be done says so in the page's source, in a comment
 * right above it (`<!-- not run: why -->`), and is in the list below.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeVariables, parseConfig } from '../../composition/config.ts';
import { generated, shownDefault, unlisted, written } from '../../scripts/documentation.ts';
import { type Server, startServer } from '../security/server.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../support/postgres.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { type Block, matches, readPage, readPages, root, stepsOf } from './pages.ts';

const pages = readPages();
const blocks = pages.flatMap((page) => page.blocks);
const inDeno = 'Deno' in globalThis;

const where = ({ page, line }: { readonly page: string; readonly line: number }): string => `${page}:${line}`;
const firstLine = ({ code }: Block): string => code.split('\n')[0] ?? '';
const reasonNotToRun = ({ remark }: Block): string | undefined => /^not run: (.+)/.exec(remark ?? '')?.[1];
const isStart = ({ remark }: Block): boolean => remark === 'starts the server';
/** A block whose first line names a file shows a part of it. */
const quoted = (block: Block): string | undefined =>
  /^(?:\/\/|#|--) ([\w.-]+(?:\/[\w.-]+)*\.\w+)$/.exec(firstLine(block))?.[1];

const isRun = (block: Block): boolean =>
  block.language !== 'text' && reasonNotToRun(block) === undefined && quoted(block) === undefined;
const ofLanguage = (...languages: readonly string[]): readonly Block[] =>
  blocks.filter((block) => isRun(block) && languages.includes(block.language));

/** Every block that nobody tries. A new one has to be argued for here. */
const untried: readonly string[] = [
  'ARCHITECTURE.md: text',
  'README.md: it is the command that runs this test',
  'README.md: tests/packages/npm.test.ts packs it and installs it with npm and pnpm',
  'docs/deployment.md: there is no Docker engine here',
  'docs/performance.md: it takes a quarter of an hour on a quiet machine; tests/bench.test.ts runs a short form',
  'docs/security.md: roles belong to a whole server; tests/security/least-privilege.ts makes these in one of its own',
  'docs/security.md: text',
  'docs/security.md: tests/security/runtimes.test.ts runs the server under these permissions',
  'docs/security.md: minutes to an hour each; what they said is in security-runs.md',
  'docs/soak.md: text',
  'examples/README.md: npm run test:examples begins with it',
  'examples/README.md: npm run test:examples does this',
];

describe('the blocks of the documentation', () => {
  it('are all tried, but for these', () => {
    const left = blocks.filter((block) => block.language === 'text' || reasonNotToRun(block) !== undefined);
    expect(left.map((block) => `${block.page}: ${reasonNotToRun(block) ?? 'text'}`)).toEqual(untried);
  });

  it('are in languages that somebody tries', () => {
    const tried = ['ts', 'sh', 'console', 'json', 'jsonc', 'env'];
    const unknown = blocks.filter((block) => isRun(block) && !tried.includes(block.language));
    expect(unknown.map((block) => `${where(block)} ${block.language}`)).toEqual([]);
  });

  const quotes = blocks.filter((block) => quoted(block) !== undefined);
  it.each(quotes.map((block) => [where(block), block] as const))(
    '%s is in the file that it names',
    (_, block) => {
      const file = readFileSync(join(root, quoted(block) ?? ''), 'utf8');
      expect(file).toContain(block.code.slice(firstLine(block).length).trim());
    },
  );

  it.each(ofLanguage('json', 'jsonc').map((block) => [where(block), block] as const))(
    '%s is JSON',
    (_, { code, language }) => {
      JSON.parse(language === 'jsonc' ? code.replaceAll(/\s\/\/ .*$/gm, '') : code);
    },
  );

  it.each(ofLanguage('env').map((block) => [where(block), block] as const))(
    '%s is a configuration that a start accepts',
    (_, { code }) => {
      const lines = code.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const environment = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
      expect(parseConfig(environment)).toMatchObject({ ok: true });
    },
  );
});

describe('programs in the documentation', () => {
  const programs = ofLanguage('ts');
  // Inside the repository, where `kith` is the name of the package; not in node_modules, where nothing is TypeScript.
  const folder = join(root, `.docs-${process.pid}`);
  const fileOf = (block: Block): string =>
    join(folder, `${block.page.replaceAll(/\W/g, '-')}-${block.line}.ts`);
  beforeAll(() => {
    mkdirSync(folder);
    for (const block of programs) writeFileSync(fileOf(block), `export {};\n${block.code}`);
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: '../tsconfig.json',
        include: ['*.ts'],
        compilerOptions: { isolatedDeclarations: false, declaration: false },
      }),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('compile', { timeout: 180_000 }, () => {
    const [command, args] = inDeno
      ? (['deno', ['check', '--quiet', ...programs.map(fileOf)]] as const)
      : ([process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]] as const);
    const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
    expect({ output: `${stdout}${stderr}`, status }).toEqual({ output: '', status: 0 });
  });

  it.each(programs.map((block) => [where(block), block] as const))(
    '%s runs, and prints what it says',
    { timeout: 120_000 },
    async (_, block) => {
      await using database = await createTestDatabase();
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, DATABASE_URL: urlOf(database.address), LOG_LEVEL: 'error', NO_COLOR: '1' };
      const args = inDeno ? ['run', '--allow-all', '--quiet', fileOf(block)] : [fileOf(block)];
      const output = execFileSync(process.execPath, args, {
        env,
        encoding: 'utf8',
        cwd: folder,
        timeout: 50_000,
      });
      // A comment behind a `console.log` is what it prints.
      const expected = [...block.code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
        ([, text = '']) => text,
      );
      expect(matches(expected, output), output).toBe(true);
    },
  );
});

/** What is typed for a block; what a block of `sh` prints is nobody's matter, as long as it succeeds. */
type Typed = {
  readonly block: Block;
  readonly command: string;
  readonly expected: readonly string[] | undefined;
};
const commandsOf = (block: Block): readonly Typed[] => {
  if (block.language === 'console') return stepsOf(block).map((step) => ({ block, ...step }));
  return block.language === 'sh' ? [{ block, command: block.code, expected: undefined }] : [];
};

describe('sessions in the documentation', () => {
  const withSessions = pages.filter(({ blocks }) =>
    blocks.some((block) => isRun(block) && (block.language === 'console' || block.language === 'sh')),
  );

  describe.each(withSessions.map((page) => [page.name, page] as const))('%s', (_, page) => {
    const steps = page.blocks.filter((block) => isRun(block) && !isStart(block)).flatMap(commandsOf);
    let database: TestDatabase | undefined;
    let redis: RedisServer | undefined;
    let server: Server;
    beforeAll(async () => {
      if (page.server.includes('PostgreSQL')) database = await createTestDatabase();
      if (page.server.includes('Redis')) redis = await openRedis();
      server = await startServer(inDeno ? 'deno' : 'node', {
        ...(database && { DATABASE_URL: urlOf(database.address) }),
        // Beside other tests an answer may take longer than 100 ms.
        ...(redis && { REDIS_URL: `redis://127.0.0.1:${redis.port}`, REDIS_COMMAND_TIMEOUT_MS: '1000' }),
        BOOTSTRAP_ADMIN_EMAIL: 'admin@example.com',
        BOOTSTRAP_ADMIN_PASSWORD: 'a long pass phrase',
      });
      // It listens before a PostgreSQL that is being migrated is there; nobody types that quickly.
      for (;;) {
        const response = await fetch(`${server.url}/health/ready`);
        await response.body?.cancel();
        if (response.ok) break;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }, 120_000);
    afterAll(async () => {
      await server?.stop();
      await redis?.[Symbol.asyncDispose]();
      await database?.[Symbol.asyncDispose]();
    });

    it('goes as it is shown, command by command', { timeout: 120_000 }, async () => {
      const shell = openShell({
        ...(database && { DATABASE_URL: urlOf(database.address) }),
        // Beside other tests an answer may take longer than 100 ms.
        ...(redis && { REDIS_URL: `redis://127.0.0.1:${redis.port}`, REDIS_COMMAND_TIMEOUT_MS: '1000' }),
      });
      try {
        for (const { block, command, expected } of steps) {
          const here = command
            .replaceAll('localhost:3000', `127.0.0.1:${server.port}`)
            .replaceAll('localhost:3001', `127.0.0.1:${server.opsPort}`);
          const { status, output } = await shell.run(here);
          const shown = `${where(block)}\n$ ${command}\n${output}`;
          // A `grep` that finds nothing is not what any page shows.
          expect(status, shown).toBe(0);
          if (expected !== undefined && !matches(expected, output)) expect(shown).toBe(expected.join('\n'));
        }
      } finally {
        shell.close();
      }
    });

    it('links to pages of the server that are there', async () => {
      for (const [, path = '/'] of page.text.matchAll(
        /http:\/\/(?:127\.0\.0\.1|localhost):3000(\/[\w/-]*(?:\.\w+)?)/g,
      )) {
        const response = await fetch(`${server.url}${path}`);
        await response.body?.cancel();
        expect(response.status, path).toBeLessThan(500);
        expect(response.status, path).not.toBe(404);
      }
    });
  });

  it('are talked to a server that starts as the pages say', { timeout: 120_000 }, async () => {
    const starts = blocks.filter(isStart);
    expect(starts.length).toBeGreaterThan(0);
    for (const block of starts)
      expect([`npm ci --include=dev && NODE_ENV=development npm start\n`, 'deno task start\n']).toContain(
        block.code,
      );
    const directory = mkdtempSync(join(tmpdir(), 'kith-docs-'));
    const { PATH, HOME } = process.env;
    const [command, args] = inDeno ? ['deno', ['task', 'start']] : ['npm', ['start']];
    const env = { PATH, HOME, PORT: '0', OPS_PORT: '0', DATA_DIR: directory };
    const child = spawn(command, args, { env, cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let output = '';
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', (text: string) => {
            output += text;
            const [, found] = /listening on (http:\S+),/.exec(output) ?? [];
            if (found !== undefined) resolve(found);
          });
        child.on('exit', () => reject(new Error(output)));
      });
      const response = await fetch(`${url}/health/ready`);
      await response.body?.cancel();
      expect(response.status).toBe(200);
    } finally {
      // The whole group: npm and the shell between do not always hand a signal on.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

/** One bash for a page, so that a variable set in one block is there in the next. */
const openShell = (environment: Readonly<Record<string, string>>) => {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, LC_ALL: 'C.UTF-8', ...environment };
  const shell = spawn('bash', ['-s'], { env, cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let changed = (): void => {};
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      changed();
    });
  return {
    run: async (command: string): Promise<{ readonly status: number; readonly output: string }> => {
      const mark = `--${crypto.randomUUID()}--`;
      output = '';
      shell.stdin.write(`${command}\nprintf '\\n${mark}%d\\n' $?\n`);
      for (;;) {
        const [, before, status] = new RegExp(`^([^]*)\\n${mark}(\\d+)\\n`).exec(output) ?? [];
        if (before !== undefined) return { status: Number(status), output: before };
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
    close: () => {
      shell.kill('SIGKILL');
    },
  };
};

describe('the links of the documentation', () => {
  const links = pages.flatMap((page) => page.links);
  const inside = links.filter(({ target }) => !/^[a-z]+:/.test(target));

  it('lead to files and headings that are there', () => {
    const anchors = new Map(pages.map((page) => [page.name, page.anchors]));
    const broken = inside.filter(({ page, target }) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path)).replace(/\/$/, '');
      if (file.startsWith('..') || !existsSync(join(root, file))) return true;
      return anchor !== undefined && anchors.get(file)?.has(anchor) !== true;
    });
    expect(broken.map((link) => `${where(link)} ${link.target}`)).toEqual([]);
  });

  it('that name a test name one that is in the file', () => {
    const titled = inside.filter(({ title }) => title !== undefined);
    expect(titled.length).toBeGreaterThan(5);
    const wrong = titled.filter(({ page, target, title }) => {
      const path = join(root, dirname(page), target);
      return !statSync(path).isFile() || !readFileSync(path, 'utf8').includes(title ?? '');
    });
    expect(wrong.map((link) => `${where(link)} ${link.title}`)).toEqual([]);
  });

  it('show a test for each report about others', () => {
    const rows = readPage('docs/reports.md')
      .text.split('\n')
      .filter((line) => /^\| (?!reported|---)/.test(line));
    expect(rows.length).toBeGreaterThan(50);
    expect(rows.filter((row) => !/\]\(\.\.\/tests\/[^|]*\) \|$/.test(row))).toEqual([]);
  });
});

describe('the tables of variables', () => {
  it.each(Object.keys(generated))('in %s are what `npm run docs` writes', (page) => {
    const text = readFileSync(join(root, page), 'utf8');
    expect(text).toBe(written(page, text));
  });

  it('leave none out', () => expect(unlisted()).toEqual([]));

  it('show defaults that mean the same when they are set', () => {
    const defaults = describeVariables().map((variable) => [variable.name, shownDefault(variable)] as const);
    const set = defaults.filter(([, shown]) => shown !== undefined);
    expect(set.length).toBeGreaterThan(20);
    expect(parseConfig(Object.fromEntries(set))).toEqual(parseConfig({}));
  });
});

describe('the check of the documentation', () => {
  const page = readPage(
    'planted.md',
    [
      '# A [link](x.md) & more',
      '<!-- not run: it takes a day -->',
      '```sh',
      'sleep 86400 # [no](link.md)',
      '```',
      '',
      '```console',
      '$ printf "a\\nb" \\',
      '    | cat',
      'a',
      '...',
      '```',
      'See [this](y.md#a "a title") and `[not](that.md)`.',
    ].join('\n'),
  );

  it('reads blocks with their remarks, links with their titles, and headings', () => {
    expect(page.blocks.map(({ language, remark, line }) => ({ language, remark, line }))).toEqual([
      { language: 'sh', remark: 'not run: it takes a day', line: 3 },
      { language: 'console', remark: undefined, line: 7 },
    ]);
    expect(page.links.map(({ target, title }) => ({ target, title }))).toEqual([
      { target: 'x.md', title: undefined },
      { target: 'y.md#a', title: 'a title' },
    ]);
    expect(page.anchors).toEqual(new Set(['a-link--more']));
  });

  it('tells output that is as shown from output that is not', () => {
    const block = page.blocks[1];
    expect(block && stepsOf(block)).toEqual([
      { command: 'printf "a\\nb" \\\n    | cat', expected: ['a', '...'] },
    ]);
    expect(matches(['a', '...'], 'a\nb\n')).toBe(true);
    expect(matches(['a', '...'], 'b\n')).toBe(false);
    expect(matches(['{"id":"...","n":1}'], '{"id":"x","n":1}\r\n')).toBe(true);
    expect(matches(['{"id":"...","n":1}'], '{"id":"x","n":2}')).toBe(false);
    expect(matches([], '')).toBe(true);
    expect(matches([], 'something')).toBe(false);
    expect(matches(['a'], 'a\nb')).toBe(false);
  });
});
