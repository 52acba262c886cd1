import { setTimeout as sleep } from 'node:timers/promises';
import { openRedis } from '../../tests/support/redis-server.ts';
import type { Context } from './benchmark.ts';
import { atMost, type Part, scaleOf, unless } from './parts.ts';
import { openRemote } from './remote.ts';
import { shareDuring } from './server-cpu.ts';

export const measureOnRedis = async (context: Context): Promise<Part> => {
  const { instances, windowMs, settleMs } = scaleOf(context);
  await using redis = await openRedis();
  const settings = { ...context.settings, redisPort: redis.port };
  await using subscribers = await openRemote({ file: 'bus.ts', name: 'subscribers' }, settings);
  await subscribers.call('start', instances);
  await using writer = await openRemote({ file: 'bus.ts', name: 'fences' }, settings);
  const cpuMs = async (): Promise<number> => {
    const info = String(await redis.command('INFO', 'cpu'));
    const of = (kind: string): number => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)?.[1]);
    return (of('user') + of('sys')) * 1000;
  };
  await sleep(settleMs);
  const idle = await shareDuring(cpuMs, () => sleep(windowMs));
  let rate = Number.NaN;
  const heard = async (): Promise<number> => Number((await subscribers.call('heard')).value);
  const [startMs, heardBefore] = [performance.now(), await heard()];
  const busy = await shareDuring(cpuMs, async () => {
    rate = Number((await writer.call('write', windowMs)).value);
  });
  const heardRate = ((await heard()) - heardBefore) / ((performance.now() - startMs) / 1000);
  const unconfirmed = Number((await writer.call('unconfirmed')).value);
  const who = `${instances} subscribers`;
  return {
    rows: [
      { name: `Redis, ${who}, nobody writes`, cells: ['', idle, '', '', ''] },
      { name: `Redis, ${who}, fences and releases of so many users`, cells: [rate, busy, '', '', ''] },
      { name: 'the messages that these were pushed, with their pongs', cells: [heardRate, '', '', '', ''] },
      {
        name: 'writes whose fences were not all confirmed',
        cells: [`${unconfirmed} in all`, '', '', '', ''],
      },
    ],
    verdicts: [
      unless(
        unconfirmed > 0 && `${unconfirmed} writes unconfirmed`,
        atMost(`Redis, ${who}, 1,000 writes a second`, 25, busy, ' % of a core'),
      ),
    ],
  };
};
