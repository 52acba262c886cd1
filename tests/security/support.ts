import { onTestFinished } from 'vitest';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import type { Application } from '../../application/application.ts';
import { compose, type Kith, type Overrides } from '../../composition/compose.ts';
import { type Config, defaultConfig } from '../../composition/config.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import type { Result } from '../../domain/result.ts';
import { Secret } from '../../domain/secret.ts';
import type { User } from '../../domain/user.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { quickHasher } from '../support/quick-hasher.ts';

export const password = 'correct horse battery staple';

/** A hasher that is quick and says how often it was asked, and about whose hash. */
export const countingHasher = (): PasswordHasher & { readonly verified: (string | undefined)[] } => {
  const verified: (string | undefined)[] = [];
  return {
    ...quickHasher,
    verified,
    async verify(hash, presented) {
      verified.push(hash && Secret.reveal(hash));
      await Promise.resolve();
      return quickHasher.verify(hash, presented);
    },
  };
};

export type House = Kith & {
  readonly clock: ManualClock;
  readonly hasher: ReturnType<typeof countingHasher>;
};

/** Kith over memory, with a clock to move and a hasher to count by; closed at the end of the test. */
export const openHouse = async (
  overrides: Overrides = {},
  config: Config = defaultConfig(),
): Promise<House> => {
  const clock = new ManualClock();
  const hasher = countingHasher();
  const kith = await compose(config, {
    database: memoryDatabase({ nowMs: () => clock.nowMs() }),
    hasher,
    clock,
    log: silentLog,
    ...overrides,
  });
  onTestFinished(() => kith[Symbol.asyncDispose]());
  return { ...kith, clock, hasher };
};

/** Registers somebody by a name, and returns what they are. */
export const join = async (application: Application, name: string, origin?: string): Promise<User> => {
  const session = await application.register({
    email: `${name}@example.com`,
    username: name,
    password,
    phone: null,
    origin,
  });
  if (!session.ok) throw new Error(session.error.code);
  return session.value.user;
};

export const codeOf = <T>(result: Result<T, { readonly code: string }>): string =>
  result.ok ? 'ok' : result.error.code;
