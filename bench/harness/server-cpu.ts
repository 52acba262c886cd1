import { readFileSync } from 'node:fs';

/** Linux counts what ended in hundredths of a second (proc(5), stat), and what runs in nanoseconds (schedstat). */
const tickMs = 10;

/**
 * CPU that a server has used since its start, in milliseconds: that of its first process and of all that this started, also
 * of those that have ended. PostgreSQL has one for each connection.
 */
export const serverCpuMs = (pid: number): number => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const running = [pid, ...children.map(Number)].map(runMs);
  return running.reduce((sum, each) => sum + each, endedMs(pid));
};

const runMs = (pid: number): number => {
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    // It ended since it was listed.
    return 0;
  }
};

const endedMs = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Counted from behind the name, which may hold anything: utime is the fields' 12th there, those of the children follow.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) * tickMs;
};

/** The share of one core, in percent, that passes on `cpuMs` while `work` goes on. */
export const shareDuring = async (
  cpuMs: () => number | Promise<number>,
  work: () => Promise<unknown>,
): Promise<number> => {
  const [startMs, before] = [performance.now(), await cpuMs()];
  await work();
  const used = (await cpuMs()) - before;
  return (used / (performance.now() - startMs)) * 100;
};
