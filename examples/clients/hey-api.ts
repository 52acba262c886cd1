/**
 * Talks to a running Kith with functions that `@hey-api/openapi-ts` makes from `/openapi.json`:
 * `node dist/hey-api.js http://127.0.0.1:3000`
 */
import { client } from './generated/sdk/client.gen.js';
import { addContact, changeContact, listContacts, register } from './generated/sdk/index.js';

const baseUrl = process.argv[2];
if (baseUrl !== undefined) client.setConfig({ baseUrl });

const name = `ann-${Date.now()}`;
const joined = await register({
  body: { email: `${name}@example.com`, username: name, password: 'an umbrella in the rain' },
});
if (joined.data === undefined) throw new Error(joined.error.detail);
const { access_token: token } = joined.data;
client.setConfig({ auth: () => token });

const added = await addContact({ body: { first_name: 'Grace', phone: '+44 (0)20 7946 0958' } });
if (added.data === undefined) throw new Error(added.error.detail);
const headers = { 'If-Match': added.response?.headers.get('etag') ?? '' };

const path = { id: added.data.id };
const changed = await changeContact({ path, headers, body: { notes: 'met in London' } });
if (changed.data === undefined) throw new Error(changed.error.detail);

// Somebody who still has the version of before is told so, by a problem with a type.
const late = await changeContact({ path, headers, body: { notes: 'met in Paris' } });

const page = await listContacts({ query: { q: 'grace' } });
console.log(JSON.stringify({ phone: changed.data.phone, late: late.error?.code, found: page.data?.total }));
