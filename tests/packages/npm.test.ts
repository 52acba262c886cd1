import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { createTestDatabase, urlOf } from '../support/postgres.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The oldest Node that the package says it runs on gets the newest of its line; ours is the other. */
const oldNode = '22.23.3';
/** One that it does not run on. */
const tooOldNode = '20.20.2';
/** The other installer, for which `overrides` and a shrinkwrap of ours mean nothing either. */
const pnpm = 'pnpm@12.21.0';
const platform = process.platform === 'win32' ? 'win' : process.platform;
const oldNodePackage = `node-${platform}-${process.arch}`;

type Packed = {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
};

const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, NO_COLOR: '1', ...more };
};

const consumer = `
import { compose, type Kith, parseConfig } from '${manifest.name}';
import { type Config, parseConfig as same } from '${manifest.name}/config';

const parsed = parseConfig({ OPS_PORT: 'off', DATA_DIR: process.argv[2] });
if (!parsed.ok) throw new Error('refused');
const config: Config = parsed.value;
const kith: Kith = await compose(config);
const made = await kith.useCases.register({ email: 'ann@example.com', username: 'ann', password: 'correct horse battery' });
if (!made.ok) throw new Error(made.error.code);
const id: string = made.value.user.id;
// @ts-expect-error: an id is a string, so the declarations are read and are ours.
const wrong: number = made.value.user.id;
const answer = await kith.fetch(new Request('http://kith.example/openapi.json'));
// The pages name only those of their scripts and styles that could be read.
const operations = await (await kith.http.ops(new Request('http://kith.example/'))).text();
const docs = await (await kith.fetch(new Request('http://kith.example/docs'))).text();
const assets = operations.includes('operations.js') && docs.includes('docs/assets/');
const document = await answer.json() as { readonly info: { readonly version: string } };
console.log(JSON.stringify({ node: process.versions.node, version: document.info.version, assets, id, same: same === parseConfig }));
await kith.close();
`;

/** Contract suites on the fakes that come with them, as a stranger would run them on adapters of their own. */
const contractTest = `
import { ManualClock, MemoryCache, quickHasher, recordKinds, systemIds as ids } from '${manifest.name}/testing';
import { describeCache, describeClock, describePasswordHasher, describeTimer } from '${manifest.name}/testing/suites';

const ttlsMs = { user: 60_000, profile: 60_000, contact: 60_000, contactList: 60_000 };
const [leaseMs, fenceTtlMs] = [5000, 30_000];

describeCache('The packed MemoryCache', async () => {
  const clock = new ManualClock();
  const cache = new MemoryCache({ kinds: recordKinds(ttlsMs), clock, ids, maxEntries: 10_000, leaseMs, fenceTtlMs });
  return {
    caches: cache,
    leaseMs,
    fenceTtlMs,
    userTtlMs: ttlsMs.user,
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
});

const openClock = () => {
  const clock = new ManualClock();
  return { clock, timer: clock, advance: (ms) => clock.advance(ms), jump: (ms) => clock.jump(ms) };
};
describeClock('The packed ManualClock', openClock);
describeTimer('The packed ManualClock', openClock);
describePasswordHasher('The packed quickHasher', () => ({ hasher: quickHasher }));
`;

/** Writes until its input ends, while somebody kills its backends; then writes 30 times, and tells how its pool is. */
const poolProgram = `
import process from 'node:process';
import { compose, configFrom } from '${manifest.name}';
const kith = await compose(configFrom(process.env));
if (!(await kith.ready())) throw new Error('not ready');
const again = async (work) => {
  for (;;) {
    try {
      return await work();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
};
const ids = [];
for (let n = 0; n < 10; n++) {
  const made = await kith.useCases.register({ email: n + '@example.com', username: 'user' + n, password: 'correct horse battery' });
  if (!made.ok) throw new Error(made.error.code);
  ids.push(made.value.user);
}
let isOver = false;
process.stdin.on('end', () => { isOver = true; }).resume();
const write = (n) => kith.useCases.addContact(ids[n % 10].id, { firstName: 'Bob' });
console.log('ready');
await Promise.all(ids.map(async (_, n) => {
  while (!isOver) await write(n).catch(() => new Promise((resolve) => setTimeout(resolve, 5)));
}));
let written = 0;
await Promise.all(Array.from({ length: 30 }, (_, n) => again(async () => {
  await write(n);
  written++;
})));
const metric = (text, name) => Number(text.split('\\n').find((line) => line.startsWith(name + ' '))?.split(' ')[1]);
const state = async () => {
  const text = await (await kith.http.ops(new Request('http://127.0.0.1/metrics'))).text();
  const [idle, used] = ['idle', 'used'].map((each) => metric(text, 'kith_database_connections{state="' + each + '"}'));
  return { connections: idle + used, idle, waiting: metric(text, 'kith_database_waiting') };
};
let report = await state();
for (let n = 0; n < 100 && report.idle !== report.connections; n++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  report = await state();
}
console.log(JSON.stringify({ written, ...report }));
await kith.close();
process.exit(0);
`;

const killWorking = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'kith' and state <> 'idle' and pid <> pg_backend_pid()`;

const tsconfig = {
  compilerOptions: {
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2024', 'esnext.disposable', 'dom'], types: ['node'] },
    // Every declaration is read, ours and those that it leads to.
    ...{ skipLibCheck: false, outDir: 'out' },
  },
  files: ['consumer.ts'],
};

// In Deno the same child processes would run: what they are does not depend on who starts them.
describe.skipIf('Deno' in globalThis)('the npm package', () => {
  let directory: string;
  let packed: Packed;
  // With the whole environment: where the registry is may be said there.
  const npm = (...args: readonly string[]) =>
    run('npm', [...args, '--no-audit', '--no-fund', '--loglevel', 'error'], { cwd: directory });

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-package-'));
    const json = execFileSync(
      process.execPath,
      [join(root, 'scripts/pack.ts'), '--json', '--to', directory],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    [packed] = JSON.parse(json);
  }, 240_000);
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('is built JavaScript with declarations, and small', () => {
    const paths = packed.files.map(({ path }) => path);
    for (const path of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'package.json',
      'composition/compose.js',
      'cli/main.js',
      'cli/kith.js',
      'docs/index.md',
    ])
      expect(paths).toContain(path);
    const entry = 'cli/kith.js';
    const own = /^(?:adapters|application|cli|composition|domain)\/[\w/-]+(?:\.js|\.d\.ts)$/;
    const testing = /^tests\/(?:testing|testing-suites|contracts\/[\w-]+|support\/[\w-]+)(?:\.js|\.d\.ts)$/;
    const page = /^adapters\/http\/static\/[\w-]+\.(?:js|css)$/;
    expect(paths.filter((path) => page.test(path)).length).toBeGreaterThan(0);
    const texts = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'];
    expect(
      paths.filter(
        (path) =>
          !/^docs\/[\w-]+\.md$/.test(path) &&
          !own.test(path) &&
          !page.test(path) &&
          !testing.test(path) &&
          !texts.includes(path),
      ),
    ).toEqual([]);
    expect(paths.filter((path) => path.includes('.test.'))).toEqual([]);
    // What a declaration is for stands beside it.
    for (const path of paths.filter((each) => each.endsWith('.js') && !page.test(each) && each !== entry))
      expect(paths).toContain(path.replace(/\.js$/, '.d.ts'));
    // With the documentation, which is read without a network too.
    expect(packed.size).toBeLessThan(600_000);
    expect(packed.files.find(({ path }) => path === entry)?.mode).toBe(0o755);
  });

  it('has a package.json of its own, with nothing of ours that does not concern others', () => {
    const published = JSON.parse(readFileSync(join(directory, 'package/package.json'), 'utf8'));
    expect(published).toMatchObject({
      name: manifest.name,
      version: manifest.version,
      license: 'MIT',
      type: 'module',
    });
    // Our declarations name types of Node.
    const types = { '@types/node': manifest.devDependencies['@types/node'] };
    expect(published.dependencies).toEqual({ ...manifest.dependencies, ...types });
    expect(Object.keys(published.peerDependencies)).toEqual(['fast-check', 'vitest']);
    for (const name of ['private', 'scripts', 'devDependencies', 'overrides', 'allowScripts'])
      expect(published).not.toHaveProperty(name);
    expect(Object.keys(published.exports)).toEqual(Object.keys(manifest.exports));
    const targets = Object.values(published.exports).flatMap((to) =>
      typeof to === 'string' ? to : Object.values(Object(to)),
    );
    for (const target of [...targets, ...Object.values(published.bin)])
      expect(existsSync(join(directory, 'package', String(target))), String(target)).toBe(true);
  });

  describe('installed in an empty project', () => {
    const nodes = (): readonly (readonly [major: string, path: string])[] => [
      ['22', join(directory, 'project/node_modules', oldNodePackage, 'bin/node')],
      ['24', process.execPath],
    ];

    beforeAll(async () => {
      const project = join(directory, 'project');
      await mkdir(project);
      // Without our overrides, which no installer takes from a dependency.
      await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
      const { typescript, vitest } = manifest.devDependencies;
      await npm(
        ...['install', '--prefix', project, '--ignore-scripts', join(directory, packed.filename)],
        ...[
          `typescript@${typescript}`,
          `vitest@${vitest}`,
          `fast-check@${manifest.devDependencies['fast-check']}`,
        ],
        ...[`${oldNodePackage}@${oldNode}`, `too-old@npm:${oldNodePackage}@${tooOldNode}`],
      );
      await writeFile(join(project, 'consumer.ts'), consumer);
      await writeFile(join(project, 'contract.test.js'), contractTest);
      await writeFile(join(project, 'pool.js'), poolProgram);
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(tsconfig));
    }, 240_000);
    const inProject = (
      program: string,
      args: readonly string[],
      more: Readonly<Record<string, string>> = {},
    ) => run(program, [...args], { cwd: join(directory, 'project'), env: environment(more) });

    it('type-checks, and runs on Node 22 and 24', async () => {
      await inProject(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']);
      for (const [major, node] of nodes()) {
        const { stdout } = await inProject(node, ['out/consumer.js', join(directory, `data-${major}`)]);
        const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
        expect(last).toMatchObject({ version: manifest.version, same: true, assets: true });
        expect(last.node).toMatch(new RegExp(`^${major}\\.`));
      }
    }, 240_000);

    it('has a command that works on Node 22 and 24', async () => {
      const command = join(directory, 'project/node_modules/.bin/kith');
      for (const [major, node] of nodes()) {
        expect((await inProject(node, [command, '--version'])).stdout).toBe(`${manifest.version}\n`);
        const env = { DATA_DIR: join(directory, `data-${major}`) };
        const doctor = JSON.parse((await inProject(node, [command, 'doctor', '--json'], env)).stdout);
        expect(doctor.verdict).toBe('warning');
        expect(doctor.findings).toContainEqual({
          check: 'triggers',
          verdict: 'good',
          found: 'all 10 always fire',
        });
        await startAndStop(node, command, env);
      }
    }, 240_000);

    it('says on a Node that is too old which it needs, and writes nothing', async () => {
      const command = join(directory, 'project/node_modules/.bin/kith');
      const data = join(directory, 'data-too-old');
      const node = join(directory, 'project/node_modules/too-old/bin/node');
      const failed = await inProject(node, [command, 'start'], { DATA_DIR: data }).catch(Object);
      expect(failed).toMatchObject({ code: 78, stdout: '' });
      expect(failed.stderr).toMatch(
        /^kith: needs Node 24 \(or 22\.18 for the package\); this is 20\.20\.2; .* \[needs-node\]\n$/,
      );
      const embedded = await inProject(node, ['out/consumer.js', data]).catch(Object);
      expect(embedded.stderr).toContain('needs Node 24 (or 22.18 for the package); this is 20.20.2');
      expect(existsSync(data)).toBe(false);
    });

    /** With npm, then with pnpm, which puts nothing in the project but what was asked for. */
    describe.each(['npm', 'pnpm'])('by %s, without overrides', (installer) => {
      const project = (): string => join(directory, installer === 'npm' ? 'project' : 'by-pnpm');
      const deno = join(root, 'node_modules/.bin/deno');
      beforeAll(async () => {
        if (installer === 'npm') return;
        await mkdir(project());
        await writeFile(join(project(), 'package.json'), JSON.stringify({ private: true, type: 'module' }));
        await run(
          'npx',
          [
            ...['--yes', pnpm, 'add', join(directory, packed.filename), '--ignore-scripts'],
            ...['--store-dir', join(directory, 'pnpm-store')],
          ],
          { cwd: project() },
        );
        await writeFile(join(project(), 'pool.js'), poolProgram);
      }, 240_000);

      it('comes with a kysely that loses connections, or this test shows nothing', () => {
        const lock = readFileSync(
          join(project(), installer === 'npm' ? 'package-lock.json' : 'pnpm-lock.yaml'),
          'utf8',
        );
        expect(lock).toMatch(installer === 'npm' ? /"version": "0\.29\.6"/ : /kysely@0\.29\.6/);
      });

      const runtimes = [
        ['Node 22', () => nodes()[0]?.[1] ?? '', []],
        ['Node 24', () => nodes()[1]?.[1] ?? '', []],
        ['Deno', () => deno, ['run', '--allow-all', '--node-modules-dir=manual']],
      ] as const;
      it.each(runtimes)(
        'keeps all places of its pool on %s while backends are killed in transactions',
        async (_, program, args) => {
          await using database = await createTestDatabase();
          const url = urlOf(database.address);
          const child = spawn(program(), [...args, 'pool.js'], {
            cwd: project(),
            env: environment({ DATABASE_URL: url, LOG_LEVEL: 'silent' }),
            stdio: ['pipe', 'pipe', 'pipe'],
          });
          let [out, err] = ['', ''];
          child.stdout.setEncoding('utf8').on('data', (text: string) => {
            out += text;
          });
          child.stderr.setEncoding('utf8').on('data', (text: string) => {
            err += text;
          });
          const over = once(child, 'close');
          try {
            while (!out.includes('ready')) {
              if (child.exitCode !== null) throw new Error(err);
              await new Promise((resolve) => setTimeout(resolve, 20));
            }
            let killed = 0;
            while (killed < 300 && child.exitCode === null)
              killed += (await database.query(killWorking)).length;
            child.stdin.end();
            await over;
            const report = JSON.parse(out.trim().split('\n').at(-1) ?? '{}');
            expect(report, err).toMatchObject({ written: 30, waiting: 0 });
            expect(report.idle, JSON.stringify(report)).toBe(report.connections);
          } finally {
            child.kill('SIGKILL');
          }
        },
        240_000,
      );
    });

    it('has its suites and fakes for tests', async () => {
      for (const [, node] of nodes()) {
        const { stdout } = await inProject(node, ['node_modules/vitest/vitest.mjs', 'run']);
        expect(stdout).toMatch(/Test Files +1 passed/);
        expect(Number(/Tests +(\d+) passed/.exec(stdout)?.[1])).toBeGreaterThan(10);
      }
    }, 240_000);

    const startAndStop = async (
      node: string,
      command: string,
      more: Readonly<Record<string, string>>,
    ): Promise<void> => {
      const child = spawn(node, [command, 'start'], {
        env: environment({ PORT: '0', OPS_PORT: 'off', ...more }),
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      try {
        let output = '';
        const url = await new Promise<string>((resolve, reject) => {
          child.once('exit', () => reject(new Error(`it ended: ${output}`)));
          child.stdout.setEncoding('utf8').on('data', (text: string) => {
            output += text;
            const started = output
              .split('\n')
              .find((line) => line.includes('"started"') && line.endsWith('}'));
            if (started !== undefined) resolve(JSON.parse(started).url);
          });
        });
        expect((await fetch(`${url}/health/ready`)).status).toBe(200);
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        expect((await exited)[0]).toBe(0);
      } finally {
        child.kill('SIGKILL');
      }
    };
  });
});
