import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, fieldOf } from '../client.ts';
import { flood } from '../flood.ts';
import { lostWrites, startLoad, wrongsOf } from '../load.ts';
import { populate } from '../people.ts';
import type { Row } from '../row.ts';
import { readiness } from '../scene.ts';
import { spawnServer, startServer } from '../server.ts';

/** The embedded database: one process, whose end loses nothing. */
export const embedded: readonly Row[] = [
  {
    fault: 'PGlite directory in use by another process',
    name: 'a second process on one data directory refuses to start, naming the pid; SIGKILL of the first loses nothing',
    run: async ({ runtime, checks, opened }) => {
      const directory = await mkdtemp(join(tmpdir(), 'kith-faults-'));
      opened.defer(() => rm(directory, { recursive: true, force: true }));
      const environment = {
        DATA_DIR: directory,
        LIMIT_LOGIN_PER_MINUTE: '0',
        LIMIT_REGISTER_PER_MINUTE: '0',
      };
      const first = opened.use(await startServer({ runtime, environment }));
      await readiness(first, 10_000);
      const people = await populate(first.url, 2, 2);

      const second = spawnServer({ runtime, environment });
      await second.exited;
      checks.is('exit code of the second', second.child.exitCode, 1);
      checks.holds('it names the pid', second.output.text.includes(`in use by process ${first.pid}`));

      const load = startLoad(first.url, people, { readers: 2, pauseMs: 2 });
      await sleep(800);
      first.signal('SIGKILL');
      await first.exit();
      const outcomes = await load.stop();
      const third = opened.use(await startServer({ runtime, environment }));
      await readiness(third, 10_000);
      checks.none('lost writes', await lostWrites(third.url, people));
      checks.none('wrong answers', wrongsOf(outcomes.filter(({ status }) => status !== 0)));
    },
  },
  {
    fault: 'PGlite under more than it can take',
    name: 'of 1,000 requests at once PGlite answers those that fit its queue; the rest is 503 within 2 s, and then all is well',
    isForReportOnly: true,
    run: async ({ runtime, checks, opened }) => {
      const directory = await mkdtemp(join(tmpdir(), 'kith-faults-'));
      opened.defer(() => rm(directory, { recursive: true, force: true }));
      const environment = {
        DATA_DIR: directory,
        LIMIT_LOGIN_PER_MINUTE: '0',
        LIMIT_REGISTER_PER_MINUTE: '0',
      };
      const server = opened.use(await startServer({ runtime, environment }));
      await readiness(server, 10_000);
      const people = await populate(server.url, 2, 2);
      const requests = people.changing.map(({ token }, n) => ({
        path: '/contacts',
        method: 'POST',
        token,
        body: { first_name: `of a flood ${n}` },
      }));
      // What 1,000 connections at once cost on this machine, whatever they ask.
      const cheap = await flood({ url: server.url, count: 1000, requests: [{ path: '/health/live' }] });
      const answers = await flood({ url: server.url, count: 1000, requests });
      const accepted = answers.filter(({ status }) => status === 201).length;
      checks.none(
        'neither 201 nor 503',
        answers.filter(({ status }) => status !== 201 && status !== 503).map(({ status }) => status),
      );
      checks.none(
        '503 without Retry-After',
        answers.filter(({ status, retryAfter }) => status === 503 && retryAfter === null),
      );
      checks.atLeast('accepted', accepted, 10);
      const cheapMs = Math.max(...cheap.map(({ ms }) => ms));
      checks.atMostMs(
        'slowest answer',
        Math.max(...answers.map(({ ms }) => ms)),
        2000 + cheapMs,
        '2 s + the cheap flood',
      );
      let kept = 0;
      for (const { token } of people.changing) {
        const { text } = await ask(`${server.url}/contacts?limit=1`, { token, noCache: true });
        kept += Number(fieldOf(text, 'total'));
      }
      checks.is('what was accepted and is there', kept, accepted);
      checks.none('lost writes', await lostWrites(server.url, people));
    },
  },
];
