import { openFaultProxy } from '../../tests/support/fault-proxy.ts';
import { type Benchmark, costColumns, costRow } from '../harness/benchmark.ts';
import { openRemote } from '../harness/remote.ts';
import { measure } from '../harness/rounds.ts';

const oneWayMs = 10;
const maxRoundTrips = 2;

export const write: Benchmark = {
  name: 'write',
  title: 'A write',
  about:
    'One profile after the other is changed, in PostgreSQL: by hand (lock, update, commit) and through the use case with ' +
    `its fence and release. The round trips are counted by a proxy before Redis that holds up each direction for ${oneWayMs} ms.`,
  run: async ({ settings, pace, short }) => {
    await using opened = new AsyncDisposableStack();
    const proxy = opened.use(await openFaultProxy({ host: '127.0.0.1', port: settings.redisPort }));
    const byHand = opened.use(await openRemote({ file: 'stores.ts', name: 'none' }, settings));
    const kith = opened.use(
      await openRemote({ file: 'stores.ts', name: 'kith' }, { ...settings, redisPort: proxy.port }),
    );
    const contestants = [byHand, kith].map((remote, index) => ({
      name: index === 0 ? 'pg by hand, no cache' : 'Kith, changeProfile',
      measure: async (operations: number) => {
        const { cpuBeforeUs, cpuAfterUs } = await remote.call('write', operations);
        return (cpuAfterUs - cpuBeforeUs) / operations;
      },
    }));
    const measured = await measure(contestants, pace);
    const writes = short ? 5 : 50;
    const timed = async (): Promise<number> => {
      const startMs = performance.now();
      await kith.call('write', writes);
      return (performance.now() - startMs) / writes;
    };
    const nearMs = await timed();
    proxy.set({ latencyMs: oneWayMs });
    const farMs = await timed();
    const roundTrips = (farMs - nearMs) / (2 * oneWayMs);
    return {
      columns: costColumns,
      rows: [...measured.map(costRow), { name: 'Redis round trips in one write', cells: [roundTrips, ''] }],
      verdicts: [
        {
          target: 'P10',
          wanted: `at most ${maxRoundTrips} Redis round trips in a write`,
          measured: roundTrips.toFixed(2),
          // Timers of a busy machine come late.
          met: Math.round(roundTrips) <= maxRoundTrips,
        },
      ],
    };
  },
};
