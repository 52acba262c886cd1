/** Kith in a Fastify app: `node fastify.ts`. */
import process from 'node:process';
import { compose, configFrom } from '@kith/kith';
import fastify from 'fastify';

const kith = await compose(configFrom(process.env));
const app = fastify();

// A route of your own that trusts Kith's tokens. The answer comes from the cache; a refusal is asked of the database.
app.get('/hello', async (request, reply) => {
  const token = request.headers.authorization?.replace(/^Bearer /i, '') ?? '';
  const caller = await kith.useCases.authenticate(token);
  return caller.ok ? `Hello ${caller.value.value.username}` : reply.code(401).send(caller.error.code);
});

// Everything else is Kith's API, in a scope of its own in which nobody reads the body before Kith does.
await app.register(async (scope) => {
  const handle = kith.toNodeHandler();
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  scope.all('/*', (request, reply) => {
    reply.hijack();
    handle(request.raw, reply.raw);
  });
});

console.log(`listening on ${await app.listen({ port: Number(process.env['PORT'] ?? 3000) })}`);
process.once('SIGTERM', () => void app.close().then(() => kith.close()));
