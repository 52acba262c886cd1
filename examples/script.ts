/** A script that calls use cases, with no HTTP anywhere: `node script.ts`, or `deno run --allow-all script.ts`. */
import process from 'node:process';
import { compose, configFrom, parseEmail, Secret } from '@kith/kith';

await using kith = await compose(configFrom({ LOG_LEVEL: 'silent', ...process.env }));
if (!(await kith.ready())) throw new Error('the database does not answer');
const { register, changeProfile, getUser, addContact, listContacts, explainCache } = kith.useCases;

const password = 'a long pass phrase';
const session = await register({ email: 'ann@example.com', username: 'ann', password });
// Expected failures are values of a closed union: the compiler knows every `code` there can be.
if (!session.ok) throw new Error(session.error.code);
const { user, token } = session.value;
console.log(`${user.username} has a token that prints as ${token}`);
console.log(`and is ${Secret.reveal(token).split('.').length} parts when you ask for its text`);

await changeProfile(user.id, { occupation: 'Engineer' });
const email = parseEmail('Ann@Example.com');
if (!email.ok) throw new Error(email.error.detail);
for (const _ of [1, 2]) {
  const found = await getUser({ kind: 'email', value: email.value });
  if (found.ok) console.log(`by email: ${found.value.value.occupation}, from ${found.value.source}`);
}

await addContact(user.id, { firstName: 'Bob', phone: '+49 170 1234567' });
const page = await listContacts(user.id, { limit: 20 });
if (page.ok) console.log(`contacts: ${page.value.value.items.map(({ firstName }) => firstName).join(', ')}`);

// What the cache holds for the user, record by record, and never a value.
const explained = await explainCache(user.id);
if (!explained.ok) throw new Error(explained.error.code);
for (const { record, tier, state } of explained.value) console.log(`${record} in ${tier}: ${state}`);
