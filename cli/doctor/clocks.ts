import { type Finding, finding, good, inMs } from './finding.ts';

/** Tokens and timestamps depend on the clocks of the instances; the freshness of the cache does not. */
const unequalMs = 1000;
const wrongMs = 30_000;

/** How far the clock of a server is from this machine's. */
export const clockFinding = (server: string, aheadMs: number | null): Finding => {
  const check = `${server} clock`;
  if (aheadMs === null) return finding(check, 'clock-unknown', {});
  const found = `${inMs(Math.abs(aheadMs))} ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine`;
  const apartMs = Math.abs(aheadMs);
  if (apartMs < unequalMs) return good(check, found);
  return finding(check, apartMs >= wrongMs ? 'clocks-wrong' : 'clocks-unequal', { found });
};
