import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { describePersistence } from '../contracts/persistence.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { silentLog } from './support.ts';

describePersistence('PostgreSQL', async () => {
  const server = await createTestDatabase();
  const database = await openPostgres({ address: server.address }, silentLog);
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});
