import { Secret } from '../../../domain/secret.ts';
import { freePort } from '../../support/redis-server.ts';
import { openRestServer, readOnlyToken } from '../../support/rest-server.ts';
import { doctorIn, type Report, type Scene } from './scenes.ts';

const at = (url: string, token: Secret<'upstash-token'>): Promise<Report> =>
  doctorIn({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: Secret.reveal(token) });

const answering = async (fault: { readonly status: number; readonly body: string }): Promise<Report> => {
  await using server = await openRestServer();
  server.set(fault);
  return await at(server.address.url, server.address.token);
};

const withToken = async (token: Secret<'upstash-token'>): Promise<Report> => {
  await using server = await openRestServer();
  return await at(server.address.url, token);
};

/** Upstash over REST. */
export const scenesOfRest: readonly Scene[] = [
  {
    name: 'no Upstash',
    codes: ['rest-unreachable'],
    examine: async () => at(`http://127.0.0.1:${await freePort()}`, readOnlyToken),
  },
  {
    name: 'another token',
    codes: ['rest-token-refused'],
    examine: () => withToken(new Secret('another')),
  },
  {
    name: 'a token that may only read',
    codes: ['rest-rights-missing'],
    examine: () => withToken(readOnlyToken),
  },
  {
    name: 'no more requests',
    codes: ['rest-limited'],
    examine: () => answering({ status: 429, body: '' }),
  },
  {
    name: 'a page in the place of the API',
    codes: ['rest-foreign'],
    examine: () => answering({ status: 200, body: '<html>' }),
  },
];
