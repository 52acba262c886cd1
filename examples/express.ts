/** Kith in an Express app: `node express.ts`. */
import process from 'node:process';
import { compose, configFrom } from '@kith/kith';
import express from 'express';

const kith = await compose(configFrom(process.env));
const app = express();

// A route of your own that trusts Kith's tokens. The answer comes from the cache; a refusal is asked of the database.
app.get('/hello', async (request, response) => {
  const token = request.get('authorization')?.replace(/^Bearer /i, '') ?? '';
  const caller = await kith.useCases.authenticate(token);
  if (caller.ok) response.send(`Hello ${caller.value.value.username}`);
  else response.status(401).send(caller.error.code);
});

// Everything else is Kith's API. It reads the body itself, so it stands before `express.json()`, or apart from it.
app.use(kith.toNodeHandler());

const server = app.listen(Number(process.env['PORT'] ?? 3000), () =>
  console.log(`listening on http://localhost:${Object(server.address()).port}`),
);
process.once('SIGTERM', () => server.close(() => void kith.close()));
