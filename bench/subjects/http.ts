import { createServer, type RequestListener } from 'node:http';
import { H3 } from 'h3';
import { toNodeHandler } from 'h3/node';
import { jwtVerify, SignJWT } from 'jose';
import { createClient } from 'redis';
import { listen } from '../../adapters/http/listen.ts';
import { userToWire } from '../../adapters/http/wire/wire.ts';
import { JoseAccessTokens } from '../../adapters/jose/jose-access-tokens.ts';
import { systemClock } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { Secret } from '../../domain/secret.ts';
import { cpuUs, type OpenSubject, type Subject } from '../harness/subject.ts';
import { openKith, type Parts } from './open-kith.ts';
import { person } from './people.ts';

/** A server as a subject: where it listens, the headers that a request needs, and what it has cost so far. */
const served = (
  port: number,
  headers: Readonly<Record<string, string>> = {},
  more: Subject = {},
): Subject => ({
  where: async () => ({ port, headers }),
  cpuUs: async () => cpuUs(),
  ...more,
});

const serveNode = (handler: RequestListener): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer(handler);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('no port'));
    });
  });

const constant = userToWire(person(1));
/** Who does not look at a token is sent one all the same: to receive it is no work of Kith's. */
const unread = { authorization: `Bearer ${'x'.repeat(302)}` };

/** The anchor: h3 on node:http, answering the same JSON each time. */
export const h3Constant: OpenSubject = async () => {
  const app = new H3();
  app.get('/me', () => constant);
  return served(await serveNode(toNodeHandler(app)), unread);
};

/** What most do: the token is verified on every request. */
export const h3Jose: OpenSubject = async () => {
  const key = new TextEncoder().encode('a secret of the benchmarks, 40 characters');
  const token = await new SignJWT({ sub: '1' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(key);
  const app = new H3();
  app.get('/me', async ({ req }) => {
    const [, sent = ''] = req.headers.get('authorization')?.split(' ') ?? [];
    await jwtVerify(sent, key);
    return constant;
  });
  return served(await serveNode(toNodeHandler(app)), { authorization: `Bearer ${token}` });
};

/** The least that a server can do which asks Redis at each request: no token, no parsing, the text as it is stored. */
export const h3Redis: OpenSubject = async ({ redisPort }) => {
  const client = createClient({ socket: { host: '127.0.0.1', port: redisPort } });
  await client.connect();
  await client.set('anchor:me', JSON.stringify(constant));
  const app = new H3();
  app.get('/me', async ({ res }) => {
    res.headers.set('content-type', 'application/json');
    return (await client.get('anchor:me')) ?? '';
  });
  return served(await serveNode(toNodeHandler(app)), unread);
};

/** Node's own server and nothing else: how much of all of this is not ours to change. */
export const nodeConstant: OpenSubject = async () => {
  const text = JSON.stringify(constant);
  const length = Buffer.byteLength(text);
  return served(
    await serveNode((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': length }).end(text);
    }),
    unread,
  );
};

const kith =
  (redis: Parts['redis']): OpenSubject =>
  async (settings) => {
    const secret = new Secret<'signing-secret'>('a secret of the benchmarks, 40 characters');
    const tokens = new JoseAccessTokens({
      secrets: [secret],
      ttlSeconds: 3600,
      clock: systemClock,
      ids: systemIds,
    });
    const opened = await openKith(settings, { database: 'memory', redis, environment: { JWT_TTL: '3600' } });
    const listener = await listen(opened.kith.http.fetch, { host: '127.0.0.1', port: 0 });
    const { token } = await tokens.issue({ userId: person(1).id, tokenVersion: 1 });
    return served(
      listener.port,
      { authorization: `Bearer ${Secret.reveal(token)}` },
      { statistics: async () => opened.kith.useCases.getStatistics().byTier },
    );
  };

export const kithEmbedded: OpenSubject = kith('none');
export const kithTiered: OpenSubject = kith('tiered');
export const kithRedis: OpenSubject = kith('alone');
