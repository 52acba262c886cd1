import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
];
