import { setTimeout as sleep } from 'node:timers/promises';
import { defaultJournalBoundMs } from '../../application/caching/limits.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { openRemote } from '../harness/remote.ts';
import { spreadOf } from '../harness/rounds.ts';
import type { SecurityTimes } from '../subjects/security-write.ts';

const instances = 4;
const maxRoundTrips = 6;

export const securityWrite: Benchmark = {
  name: 'security-write',
  title: 'A security write',
  about:
    `One of ${instances} instances over PostgreSQL and Redis changes a profile, signs the user out everywhere, which waits for the receipts of ` +
    'all, and asks Redis for a PING, again and again. Milliseconds as the caller sees them.',
  run: async ({ settings, short }) => {
    await using opened = new AsyncDisposableStack();
    const members = await Promise.all(
      Array.from({ length: instances }, () =>
        openRemote({ file: 'security-write.ts', name: 'kith' }, settings),
      ),
    );
    for (const member of members) opened.use(member);
    // Before that the writer trusts no list.
    await sleep(2 * defaultJournalBoundMs + 500);
    const { value } = (await members[0]?.call('write', short ? 5 : 400)) ?? {};
    const { ordinaryMs, securityMs, redisMs, byBound } = value as SecurityTimes;
    const [ordinary, security, redis] = [spreadOf(ordinaryMs), spreadOf(securityMs), spreadOf(redisMs)];
    const roundTrips = (security.median - ordinary.median) / redis.median;
    return {
      columns: ['milliseconds'],
      rows: [
        { name: 'a PING of Redis', cells: [redis] },
        { name: 'changeProfile', cells: [ordinary] },
        { name: 'signOutEverywhere', cells: [security] },
      ],
      verdicts: [
        {
          target: 'P13',
          wanted: `a security write takes at most ${maxRoundTrips} Redis round trips longer than another, and never the bound`,
          measured: `${roundTrips.toFixed(1)}, ${byBound} of ${securityMs.length} waited for the bound`,
          met: roundTrips <= maxRoundTrips && byBound === 0,
        },
      ],
    };
  },
};
