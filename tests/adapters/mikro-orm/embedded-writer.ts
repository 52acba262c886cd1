import process from 'node:process';
import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { account, contact } from '../../support/fixtures.ts';
import { silentLog } from './support.ts';

// Writes users with a contact each, prints the number of each one that was acknowledged, and goes on until it is killed.
const database = await openEmbedded({ dataDir: process.argv[2] ?? '' }, silentLog);
let n = 2000;
while ((await database.users.find({ kind: 'id', value: account(n).user.id })) !== undefined) n++;
for (; ; n++) {
  const added = account(n);
  await database.transactions.run(async ({ users, contacts }) => {
    await users.insert(added);
    await contacts.insert(contact(n, added.user.id));
  });
  process.stdout.write(`${n}\n`);
}
