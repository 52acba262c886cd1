/**
 * Runs before a server, whose machine is then suspended while its process is stopped: as in sleep, monotonic time does not
 * go on, and the wall clock does.
 */
const leastMs = 3000;
let lostMs = 0;
let lastMs = 0;
const now = performance.now.bind(performance);
performance.now = () => {
  const ms = now();
  if (ms - lastMs > leastMs) lostMs += ms - lastMs;
  lastMs = ms;
  return ms - lostMs;
};
// Nobody is silent for so long by himself.
setInterval(() => performance.now(), 100).unref();
