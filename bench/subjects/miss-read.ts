import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { parseDatabaseUrl } from '../../adapters/mikro-orm/postgres-url.ts';
import type { OpenSubject } from '../harness/subject.ts';
import { abreast } from './loops.ts';
import { openKith } from './open-kith.ts';
import { idsOf } from './people.ts';
import { findRow, openPool } from './postgres.ts';

const width = 64;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The anchor: a prepared statement on pg's own pool. */
export const prepared: OpenSubject = async ({ postgresUrl, people }) => {
  const pool = openPool(postgresUrl);
  const ids = idsOf(people);
  return { run: (operations) => abreast(operations, width, (n) => findRow(pool, ids[n % ids.length] ?? '')) };
};

/** The port: what a miss asks of the database, the row parsed into a user. */
export const repository: OpenSubject = async ({ postgresUrl, people }) => {
  const address = parseDatabaseUrl(postgresUrl);
  if (!address.ok) throw new Error('a wrong address');
  const { users } = await openPostgres({ address: address.value }, silent);
  const ids = idsOf(people);
  const find = (n: number): Promise<unknown> => {
    const value = ids[n % ids.length];
    return value === undefined ? Promise.resolve() : users.find({ kind: 'id', value });
  };
  return { run: (operations) => abreast(operations, width, find) };
};

/** The use case, missing in a memory that is too small: lease, row, fill. */
export const useCase: OpenSubject = async (settings) => {
  const environment = { MEMORY_MAX_ENTRIES: '100' };
  const { kith } = await openKith(settings, { database: 'postgres', redis: 'none', environment });
  const { getUser } = kith.useCases;
  const ids = idsOf(settings.people);
  // Goes on where the last round ended, or it would find what that one filled.
  let next = 0;
  const find = (): Promise<unknown> => {
    const value = ids[next++ % ids.length];
    return value === undefined ? Promise.resolve() : getUser({ kind: 'id', value });
  };
  return { run: (operations) => abreast(operations, width, find) };
};
