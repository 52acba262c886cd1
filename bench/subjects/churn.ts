import process from 'node:process';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { userId } from '../../tests/support/fixtures.ts';
import type { OpenSubject } from '../harness/subject.ts';
import { openKith } from './open-kith.ts';
import { person } from './people.ts';

/** Reads so many users of whom none was read before, from a database that has everybody. Answers the heap in MB. */
export const churn: OpenSubject = async (settings) => {
  const empty = memoryDatabase();
  const users = {
    ...empty.users,
    find: async ({ value }: { readonly value: string }) => person(Number.parseInt(value.slice(-12), 16)),
  };
  const everybody = { ...empty, users, [Symbol.asyncDispose]: async () => {} };
  const { kith } = await openKith(
    { ...settings, people: 0 },
    { database: 'memory', redis: 'none', overrides: { database: everybody } },
  );
  let next = 0;
  const collect: unknown = Reflect.get(globalThis, 'gc');
  return {
    churn: async (reads) => {
      for (const end = next + reads; next < end; ) {
        await kith.useCases.getUser({ kind: 'id', value: userId(++next) });
        // What is left to timers and finalizers comes to its turn.
        if (next % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      if (typeof collect === 'function') collect();
      return process.memoryUsage().heapUsed / 1e6;
    },
  };
};
