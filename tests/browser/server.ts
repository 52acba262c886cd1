/** A Kith with a database in memory, listening as `composition/main.ts` does: prints the addresses of its listeners. */
import process from 'node:process';
import { listen } from '../../adapters/http/listen.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { compose } from '../../composition/compose.ts';
import { parseConfig } from '../../composition/config.ts';
import { silentLog } from '../adapters/mikro-orm/support.ts';
import { quickHasher } from '../support/quick-hasher.ts';

const config = parseConfig({ REDIS_URL: process.argv[2] });
if (!config.ok) throw new Error('the arguments are not as expected');
const kith = await compose(config.value, {
  database: memoryDatabase(),
  hasher: quickHasher,
  log: silentLog,
});
const [server, ops] = await Promise.all([
  listen(kith.http.fetch, { host: '127.0.0.1', port: 0 }),
  listen(kith.http.ops, { host: '127.0.0.1', port: 0 }),
]);
process.stdout.write(`${server.url} ${ops.url}\n`);
