/**
 * Talks to a running Kith with `openapi-fetch`, whose types `openapi-typescript` makes from `/openapi.json`:
 * `node dist/openapi-fetch.js http://127.0.0.1:3000`
 */
import createClient from 'openapi-fetch';
import type { paths } from './generated/paths.js';

const baseUrl = process.argv[2];
const api = createClient<paths>(baseUrl === undefined ? {} : { baseUrl });

const name = `ann-${Date.now()}`;
const joined = await api.POST('/auth/register', {
  body: { email: `${name}@example.com`, username: name, password: 'an umbrella in the rain' },
});
if (joined.data === undefined) throw new Error(joined.error.detail);
const { access_token: token } = joined.data;
api.use({
  onRequest({ request }) {
    request.headers.set('authorization', `Bearer ${token}`);
  },
});

const added = await api.POST('/contacts', { body: { first_name: 'Grace', phone: '+44 (0)20 7946 0958' } });
if (added.data === undefined) throw new Error(added.error.detail);
const tag = added.response.headers.get('etag') ?? '';

const path = { id: added.data.id };
const changed = await api.PATCH('/contacts/{id}', {
  params: { path, header: { 'If-Match': tag } },
  body: { notes: 'met in London' },
});
if (changed.data === undefined) throw new Error(changed.error.detail);

// Somebody who still has the version of before is told so, by a problem with a type.
const late = await api.PATCH('/contacts/{id}', {
  params: { path, header: { 'If-Match': tag } },
  body: { notes: 'met in Paris' },
});

const page = await api.GET('/contacts', { params: { query: { q: 'grace' } } });
console.log(JSON.stringify({ phone: changed.data.phone, late: late.error?.code, found: page.data?.total }));
