/** Kith in a Hono app on Node: `node hono.ts`. */
import process from 'node:process';
import { serve } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import { compose, configFrom } from '@kith/kith';
import { Hono } from 'hono';

const kith = await compose(configFrom(process.env));
const app = new Hono();

// A route of your own that trusts Kith's tokens. The answer comes from the cache; a refusal is asked of the database.
app.get('/hello', async (c) => {
  const token = c.req.header('authorization')?.replace(/^Bearer /i, '') ?? '';
  const caller = await kith.useCases.authenticate(token);
  return caller.ok ? c.text(`Hello ${caller.value.value.username}`) : c.text(caller.error.code, 401);
});

// Everything else is Kith's API. The address is what limits of log-ins go by.
app.all('*', (c) => kith.fetch(c.req.raw, { ip: getConnInfo(c).remote.address }));

const server = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000) }, ({ port }) =>
  console.log(`listening on http://localhost:${port}`),
);
process.once('SIGTERM', () => server.close(() => void kith.close()));
