import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../client.ts';
import { type Flood, flood } from '../flood.ts';
import { lostWrites, p99, refusedOf, startLoad, wrongsOf } from '../load.ts';
import { password } from '../people.ts';
import type { Row } from '../row.ts';
import { openScene, readiness, untilHealthy } from '../scene.ts';
import { dribble, stuckUpload } from '../sockets.ts';

const own = 'event-loop stall, clock step, slow clients, 500 parallel log-ins';

/** The process itself: its ends, its stalls, its clock and its clients. */
export const processes: readonly Row[] = [
  {
    fault: 'SIGTERM under load',
    name: 'SIGTERM ends a server under load with 0 and every answer, for all stuck uploads and a hung Redis',
    run: async ({ runtime, checks }) => {
      await using scene = await openScene({ runtime });
      const { server, people, redis } = scene;
      const upload = dribble(server.url, stuckUpload(people.settled[0]?.token ?? ''), '', 1000);
      const load = startLoad(server.url, people);
      await sleep(500);
      redis.hang();
      await sleep(300);
      const signalledAtMs = performance.now();
      server.signal('SIGTERM');
      await sleep(50);
      checks.is('ready', (await ask(`${server.url}/health/ready`)).status, 503);
      const code = await server.exit();
      const exitMs = performance.now() - signalledAtMs;
      const outcomes = await load.stop();
      upload.end();
      // While load balancers find out, everything is served; what was sent before the end of that is answered.
      const begun = outcomes.filter(({ startedAtMs }) => startedAtMs < signalledAtMs + 450);
      checks.is('exit code', code, 0);
      checks.atMostMs('exit after', exitMs, 12_000);
      checks.none('wrong answers', wrongsOf(begun));
      checks.none('refusals', refusedOf(begun));
      checks.is('last words', server.lines.at(-1)?.event, 'stopped');
    },
  },
  {
    fault: 'SIGKILL mid-write',
    name: 'SIGKILL in the middle of writes loses nothing that was acknowledged, and leaves nothing half',
    run: async ({ runtime, checks, pace }) => {
      await using scene = await openScene({ runtime });
      const { people } = scene;
      let server = scene.server;
      const lost: string[] = [];
      const wrong: string[] = [];
      const rounds = pace(1, 5);
      for (let round = 0; round < rounds; round++) {
        const load = startLoad(server.url, people, { pauseMs: 1 });
        await sleep(500 + 37 * round);
        server.signal('SIGKILL');
        await server.exit();
        const outcomes = await load.stop();
        server = await scene.startAnother();
        await readiness(server, 10_000);
        lost.push(...(await lostWrites(server.url, people)));
        wrong.push(...wrongsOf(outcomes.filter(({ status }) => status !== 0)));
      }
      checks.none('lost writes', lost);
      checks.none('wrong answers', wrong);
    },
  },
  {
    fault: own,
    name: 'a process that stalls blames neither Redis nor PostgreSQL',
    run: async ({ checks, pace, scene: shared }) => {
      const { server, people } = await shared();
      await untilHealthy(server, 10_000);
      const from = server.lines.length;
      const load = startLoad(server.url, people);
      const stalls = pace(3, 10);
      for (let n = 0; n < stalls; n++) {
        await sleep(300);
        server.signal('SIGSTOP');
        // Longer than any deadline of Redis and of a query.
        await sleep(n % 3 === 2 ? 1700 : 300);
        server.signal('SIGCONT');
      }
      await sleep(500);
      const outcomes = await load.stop();
      const trips = server.lines.slice(from).filter(({ event }) => event.endsWith('-out-of-use'));
      checks.none(
        'false trips',
        trips.map(({ event, cause }) => `${event}: ${cause}`),
      );
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
    },
  },
  {
    fault: own,
    name: 'a wall clock that steps by five minutes, forth and back, is not noticed',
    isForReportOnly: true,
    run: async ({ runtime, checks }) => {
      const preload = fileURLToPath(new URL('../clock-step.ts', import.meta.url));
      await using scene = await openScene({ runtime, preload });
      const { server, people } = scene;
      await untilHealthy(server, 10_000);
      const load = startLoad(server.url, people);
      const from = server.lines.length;
      for (let n = 0; n < 4; n++) {
        await sleep(500);
        server.signal('SIGUSR2');
      }
      await sleep(300);
      const outcomes = await load.stop();
      checks.none(
        'lines',
        server.lines.slice(from).map(({ event }) => event),
      );
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
      const hits = outcomes.filter(({ cacheStatus }) => cacheStatus.includes('hit'));
      checks.atLeast('hits', hits.length, 50);
    },
  },
  {
    fault: own,
    name: 'slow senders are cut within 10 s while others are served',
    isForReportOnly: true,
    run: async ({ checks, scene: shared }) => {
      const { server, people } = await shared();
      await untilHealthy(server, 10_000);
      const load = startLoad(server.url, people, { pauseMs: 50 });
      await sleep(1000);
      const head = 'GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\n';
      const token = people.settled[0]?.token ?? '';
      const slow = Array.from({ length: 40 }, (_, n) =>
        n % 2 === 0
          ? dribble(server.url, head, 'X-A: b\r\n', 500)
          : dribble(server.url, stuckUpload(token), 'x', 500),
      );
      const startMs = performance.now();
      const closed = await Promise.all(slow.map((client) => client.closed));
      const outcomes = await load.stop();
      const before = outcomes.filter(({ startedAtMs }) => startedAtMs < startMs);
      checks.atMostMs('slowest cut after', Math.max(...closed), 10_000);
      checks.none('refusals', refusedOf(outcomes));
      const othersMs = Math.max(p99(before, 'database'), p99(outcomes, 'floor'));
      checks.atMostMsOver('p99 of others', p99(outcomes, 'cached'), othersMs, 50);
    },
  },
  {
    fault: own,
    name: '500 log-ins at once leave the others quick',
    isForReportOnly: true,
    run: async ({ checks, pace, scene: shared }) => {
      const { server, people } = await shared();
      await untilHealthy(server, 10_000);
      const logIns = people.settled.map(({ username }) => ({
        path: '/auth/login',
        method: 'POST',
        body: { identifier: username, password },
      }));
      const beside = async (requests: Flood['requests']) => {
        const load = startLoad(server.url, people, { readers: 3, writers: 0 });
        await sleep(300);
        const fromMs = performance.now();
        const answers = await flood({ url: server.url, count: 500, requests });
        const meanwhile = load.between(fromMs, performance.now());
        await load.stop();
        return { answers, meanwhile };
      };
      // What 500 connections at once cost on this machine, whatever they ask.
      const cheap = [];
      const dear = [];
      const rounds = pace(2, 5);
      for (let round = 0; round < rounds; round++) {
        cheap.push(await beside([{ path: '/health/live' }]));
        dear.push(await beside(logIns));
      }
      const answers = dear.flatMap((one) => one.answers);
      const statuses = [...new Set(answers.map(({ status }) => status))].sort();
      checks.holds(
        'log-ins answered 200, 429 or 503',
        statuses.every((status) => [200, 429, 503].includes(status)),
      );
      checks.none(
        '503 without Retry-After',
        answers.filter(({ status, retryAfter }) => status === 503 && retryAfter === null),
      );
      const meanwhile = dear.flatMap((one) => one.meanwhile);
      checks.none('refusals of others', refusedOf(meanwhile));
      const cheapMs = p99(
        cheap.flatMap((one) => one.meanwhile),
        'cached',
      );
      checks.atMostMs(
        'p99 of others',
        p99(meanwhile, 'cached'),
        Math.max(100, 4 * cheapMs),
        '100 ms, or 4 times what it is beside 500 of the cheapest requests',
      );
    },
  },
  {
    fault: 'stray error',
    name: 'an error that nobody caught ends the process with 1 and a line without its message; nothing acknowledged is lost',
    run: async ({ runtime, checks }) => {
      const preload = fileURLToPath(new URL('../stray-error.ts', import.meta.url));
      await using scene = await openScene({ runtime, preload });
      const { server, people } = scene;
      const load = startLoad(server.url, people, { pauseMs: 2 });
      await sleep(500);
      server.signal('SIGUSR2');
      const code = await server.exit();
      const outcomes = await load.stop();
      checks.is('exit code', code, 1);
      checks.is('last words', server.lines.at(-1)?.event, 'crashed');
      checks.holds('no password in the log', !server.output.includes('canary'));
      const next = await scene.startAnother();
      await readiness(next, 10_000);
      checks.none('lost writes', await lostWrites(next.url, people));
      checks.none('wrong answers', wrongsOf(outcomes.filter(({ status }) => status !== 0)));
    },
  },
];
