import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { countCommands, countStatements, statementsIn } from '../bench/harness/counted.ts';
import { readResults, withResults } from '../bench/harness/document.ts';
import { judge } from '../bench/harness/judge.ts';
import { atMost, unless } from '../bench/harness/parts.ts';
import { measure, spreadOf } from '../bench/harness/rounds.ts';
import { serverCpuMs, shareDuring } from '../bench/harness/server-cpu.ts';
import { toSummary } from '../bench/harness/summary.ts';
import { toTable } from '../bench/harness/table.ts';
import { zipf } from '../bench/harness/zipf.ts';
import { openPool } from '../bench/subjects/postgres.ts';
import type { Fact, History } from '../bench/subjects/stores.ts';
import { createTestDatabase, urlOf } from './support/postgres.ts';
import { openRedis } from './support/redis-server.ts';
import { Random } from './torture/random.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the benchmarks', () => {
  it.each([
    { names: ['memory-hit', 'zipf'], targets: ['P1', 'P2', 'P8', 'P9'] },
    { names: ['log-write', 'instances'], targets: ['P14', 'P22'] },
  ])(
    'run in their short form, without the peers: $names',
    { timeout: 180_000 },
    async ({ names, targets }) => {
      const runtime = 'Deno' in globalThis ? ['run', '--allow-all', '--quiet'] : [];
      const child = spawn(
        process.execPath,
        [...runtime, 'bench/main.ts', '--short', '--no-peers', '--no-save', ...names],
        { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const exit = once(child, 'exit');
      let said = '';
      for await (const chunk of child.stdout) said += chunk;
      expect(await exit).toEqual([0, null]);
      for (const name of names) expect(said).toContain(`(${name})`);
      for (const target of targets) expect(said).toContain(`| ${target} `);
    },
  );
});

describe('a spread', () => {
  it('is the middle of the numbers and their ends', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  });
});

describe('measuring', () => {
  it('takes turns, and compares within a round', async () => {
    const turns: string[] = [];
    let slowdown = 1;
    const contestant = (name: string, costUs: number) => ({
      name,
      measure: async () => {
        turns.push(name);
        // The machine gets slower and slower, for both alike.
        if (name === 'anchor') slowdown *= 2;
        return costUs * slowdown;
      },
    });
    const measured = await measure([contestant('anchor', 10), contestant('other', 20)], {
      rounds: 3,
      roundMs: 1,
      warmUpMs: 0,
    });
    expect(turns.slice(-6)).toEqual(['anchor', 'other', 'anchor', 'other', 'anchor', 'other']);
    expect(measured[1]?.ofAnchor).toEqual({ median: 0.5, min: 0.5, max: 0.5 });
  });
});

describe('the judge of a workload', () => {
  const history = (reads: readonly Fact[], writes: readonly Fact[], loads: number): History => ({
    reads,
    writes,
    failures: ['late', 'late'],
    loads,
  });

  it('finds a read that began after the acknowledgement of a newer version, in any process', () => {
    const writer = history([], [[7, 2, 0, 10, 'database']], 0);
    const reader = history(
      [
        [7, 1, 9, 20, 'memory'],
        [7, 1, 11, 20, 'memory'],
        [7, 1, 600, 601, 'memory'],
        [7, 2, 602, 603, 'memory'],
        [8, 1, 604, 605, 'memory'],
      ],
      [],
      5,
    );
    expect(judge([writer, reader], 500)).toMatchObject({
      reads: 5,
      stale: 2,
      staleBeyond: 1,
      stalestMs: 590,
      failures: '4; 4 x late',
    });
  });

  it('counts what a cache that loses nothing would have loaded', () => {
    const reads: readonly Fact[] = [1, 2, 4, 5].map((atMs) => [7, 1, atMs, atMs, 'redis']);
    expect(judge([history(reads, [[7, 2, 3, 3, 'database']], 4)], 0)).toMatchObject({
      optimum: 500,
      queriesPer1000Reads: 1000,
    });
  });
});

describe('a verdict', () => {
  it('is on the most that may be measured, and only where everything kept up', () => {
    expect(atMost('statements', 5, 5)).toMatchObject({ measured: '5.0', met: true });
    expect(atMost('statements', 5, 5.1)).toMatchObject({ measured: '5.1', met: false });
    expect(unless(false, atMost('CPU', 20, 10, ' %'))).toMatchObject({ measured: '10.0 %', met: true });
    const late = unless('87 of 100 gates were open', atMost('CPU', 20, 10, ' %'));
    expect(late).toMatchObject({ measured: '10.0 %; 87 of 100 gates were open', met: false });
  });
});

describe('the CPU of a server', () => {
  it('is that of its processes, also of those that ended', async () => {
    // Equal work does not take equal CPU on a shared machine: each of the three says what it took itself, in nanoseconds.
    const busy =
      'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; read took rest < /proc/self/schedstat; echo $took';
    const script = `exec 3<&0; ${busy}; (${busy}); (${busy}; echo done; read end <&3) & wait`;
    const server = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    for await (const text of server.stdout.iterator({ destroyOnReturn: false })) {
      said += text;
      if (said.endsWith('done\n')) break;
    }
    const measured = serverCpuMs(server.pid ?? 0);
    const took = said
      .split('\n')
      .slice(0, 3)
      .map((nanoseconds) => Number(nanoseconds) / 1e6);
    const sum = took.reduce((total, each) => total + each);
    // What has ended is counted in ticks of 10 ms, its own time and the kernel's each rounded down.
    expect(measured).toBeGreaterThan(sum - 20);
    expect(measured).toBeLessThan(sum + Math.min(...took));
    // Each of them is seen: without it the sum would be too small.
    expect(Math.min(...took)).toBeGreaterThan(20);
    const exit = once(server, 'exit');
    server.stdin.end();
    await exit;
  });

  it('is a share of the time that passed', async () => {
    let cpuMs = 100;
    const startMs = performance.now();
    const share = await shareDuring(
      () => cpuMs,
      async () => {
        const untilMs = performance.now() + 20;
        while (performance.now() < untilMs);
        cpuMs += 10;
      },
    );
    // However long it took.
    expect(share).toBeGreaterThanOrEqual((10 / (performance.now() - startMs)) * 100);
    expect(share).toBeLessThanOrEqual(50);
  });
});

describe('what is sent to a server', () => {
  it('is counted by statement, in whatever pieces it comes', () => {
    const message = (letter: string, body: string): Buffer => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(4 + body.length);
      return Buffer.concat([Buffer.from(letter), length, Buffer.from(body)]);
    };
    const bytes = Buffer.concat([
      message('', 'Q startup E'),
      message('P', 'EEE'),
      message('B', 'QQQ'),
      message('E', ''),
      message('S', ''),
      message('Q', 'select 1'),
    ]);
    expect(statementsIn()(bytes)).toBe(2);
    const inPieces = statementsIn();
    expect([...bytes].map((byte) => inPieces(Buffer.from([byte]))).reduce((sum, each) => sum + each)).toBe(2);
  });

  it('is counted by connection', async () => {
    await using database = await createTestDatabase();
    await using counter = await countStatements(database.address);
    const pool = openPool(urlOf({ ...database.address, port: counter.port }), 2);
    await Promise.all([pool.query('select 1'), pool.query({ text: 'select $1::text', values: ['Q'] })]);
    await pool.query('select 3');
    await pool.end();
    expect(counter.sent).toHaveLength(3);
    expect(new Set(counter.sent.map(({ connection }) => connection)).size).toBe(2);
  });

  it('is counted by command, without what scripts do', async () => {
    await using redis = await openRedis();
    await using counter = await countCommands(redis.port);
    const say = async (text: string): Promise<void> => {
      const socket = connect({ host: '127.0.0.1', port: redis.port });
      socket.write(text);
      await once(socket, 'data');
      socket.destroy();
    };
    await say(`PING\r\nEVAL "redis.call('SET', 'a', 1) return redis.call('GET', 'a')" 0\r\n`);
    await say('PING\r\n');
    const byConnection = () => Map.groupBy(counter.sent, ({ connection }) => connection);
    await vi.waitUntil(() => byConnection().size === 2);
    expect([...byConnection().values()].map(({ length }) => length)).toEqual([2, 1]);
  });
});

describe("Zipf's law", () => {
  it('makes the first rank the most frequent, and reaches the last', () => {
    const rank = zipf(10, 0.99);
    const random = new Random(1);
    const counts = new Array<number>(10).fill(0);
    for (let n = 0; n < 10_000; n++) {
      const found = rank(random);
      counts[found] = (counts[found] ?? 0) + 1;
    }
    expect(counts[0]).toBeGreaterThan(2 * (counts[3] ?? 0));
    expect(counts.every((count) => count > 0)).toBe(true);
  });
});

describe('the page', () => {
  it('keeps what was written by hand and replaces what was generated', () => {
    const begin = '<!-- generated by npm run bench: begin -->';
    const end = '<!-- generated by npm run bench: end -->';
    const report = { columns: ['us'], rows: [{ name: 'one', cells: [1] }], verdicts: [] };
    const results = { machine: { runtime: 'X' }, results: [{ name: 'n', title: 'T', about: 'A.', report }] };
    const page = withResults(`before\n${begin}\nold\n${end}\nafter\n`, results);
    expect(page).toMatch(/^before\n[\s\S]*\| one \| 1 {3}\|[\s\S]*\nafter\n$/);
    expect(page).not.toContain('old');
    expect(withResults(page, results)).toBe(page);
    expect(() => withResults('no marks', results)).toThrow();
  });

  it('is what the committed results make of it, and so is the table of the README', async () => {
    const text = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8');
    const [node, deno] = ['node', 'deno'].map((runtime) =>
      readResults(new URL(`../bench/results/${runtime}.json`, import.meta.url)),
    );
    if (node === undefined) throw new Error('there are no results');
    const page = await text('docs/performance.md');
    expect(withResults(page, node, deno)).toBe(page);
    expect(await text('README.md')).toContain(toTable(toSummary(node)));
    expect(() => toSummary({ ...node, results: node.results.slice(1) })).toThrow('memory-hit');
  });
});
