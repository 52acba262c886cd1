import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { migratePostgres } from '../../adapters/mikro-orm/migrate.ts';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import type { Finding } from '../../cli/doctor/finding.ts';
import { doctor } from '../../cli/doctor.ts';
import { runIn } from '../cli/support.ts';
import { openPgpool } from '../support/pgpool.ts';
import { urlOf } from '../support/postgres.ts';
import { openPair } from '../support/standby.ts';

const roleAt = async (address: PostgresAddress): Promise<string> => {
  const environment = { DATABASE_URL: urlOf(address), JWT_SECRET: randomBytes(48).toString('base64url') };
  const { out } = await runIn(doctor, ['--json'], environment);
  const { findings }: { readonly findings: readonly Finding[] } = JSON.parse(out);
  const { verdict, found } = findings.find(({ check }) => check === 'database role') ?? {};
  return `${verdict}: ${found}`;
};

it('the doctor tells a primary, a standby, and a Pgpool-II that splits reads apart', async () => {
  await using pair = await openPair();
  await migratePostgres(pair.primary.address);
  await using pool = await openPgpool(pair.primary.address, pair.standby.address);
  expect(await roleAt(pair.primary.address)).toBe('good: a primary that takes writes');
  expect(await roleAt(pair.standby.address)).toBe('bad: this is a standby');
  await expect
    .poll(() => roleAt(pool.address), { timeout: 20_000, interval: 1000 })
    .toBe(
      'good: a primary that takes writes; a pooler splits reads, but not ours, which ask for the primary',
    );
}, 60_000);
