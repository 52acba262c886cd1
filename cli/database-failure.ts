import { toldOfDatabase } from '../adapters/mikro-orm/faults.ts';
import { placeOf } from '../adapters/mikro-orm/postgres-address.ts';
import { type Message, messageOf, Told } from '../adapters/system/messages.ts';
import type { Config } from '../composition/config.ts';
import { DatabaseUnavailable } from '../domain/faults.ts';

/** What people are told of a command that the database refused, or did not answer. */
export const databaseFailure = (
  error: unknown,
  { postgres, postgresDirect = postgres }: Pick<Config, 'postgres' | 'postgresDirect'>,
): readonly Message[] => {
  if (error instanceof Told) return error.told;
  if (postgresDirect !== undefined && error instanceof DatabaseUnavailable)
    return [toldOfDatabase(error, placeOf(postgresDirect))];
  // An error of the adapter. Its messages repeat nothing of the driver's, which may hold a secret.
  return [messageOf('migration-refused', { reason: error instanceof Error ? error.message : 'unknown' })];
};
