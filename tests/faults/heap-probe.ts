/**
 * Runs before a server that was started with `gc` exposed: at each SIGUSR2 it collects garbage and says what is left, as a
 * line of the log. KITH_SOAK_LEAK=1 makes it keep 4 KiB every 5 ms, so that whoever judges memory can be seen to notice.
 */
import process from 'node:process';

const collect: unknown = Reflect.get(globalThis, 'gc');

process.on('SIGUSR2', () => {
  if (typeof collect !== 'function') throw new Error('gc is not exposed');
  // What the first finds dead may be held by what the second finds.
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  const line = { event: 'heap', liveBytes: heapUsed + external, residentBytes: rss };
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
});

if (process.env['KITH_SOAK_LEAK'] === '1') {
  const kept: Uint8Array[] = [];
  setInterval(() => kept.push(new Uint8Array(4096)), 5).unref();
}
