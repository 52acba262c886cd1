import { createClient } from 'redis';
import type { OpenSubject } from '../harness/subject.ts';
import { abreast } from './loops.ts';
import { openKith } from './open-kith.ts';
import { idsOf, person } from './people.ts';

const width = 64;

/** The anchor: GET and JSON.parse, on one connection. */
export const get: OpenSubject = async ({ redisPort, people }) => {
  const client = createClient({ socket: { host: '127.0.0.1', port: redisPort } });
  await client.connect();
  const ids = idsOf(people);
  for (const [index, id] of ids.entries())
    await client.set(`anchor:${id}`, JSON.stringify(person(index + 1)));
  const read = async (n: number): Promise<unknown> =>
    JSON.parse((await client.get(`anchor:${ids[n % ids.length]}`)) ?? '');
  return { run: (operations) => abreast(operations, width, read) };
};

/**
 * `getUser` by id, found in Redis. On a busy machine Redis may miss a deadline and be out of use for a while; what is read
 * from the database then is no hit, and is not counted as one: it is read again, a turn later.
 */
export const kith: OpenSubject = async (settings) => {
  const opened = await openKith(settings, { database: 'memory', redis: 'alone' });
  const keys = idsOf(settings.people).map((value) => ({ kind: 'id', value }) as const);
  const { getUser } = opened.kith.useCases;
  const read = async (n: number): Promise<void> => {
    const key = keys[n % keys.length];
    for (let found = ''; key !== undefined && found !== 'redis'; ) {
      const user = await getUser(key);
      found = user.ok ? user.value.source : '';
      // The database of this benchmark answers without I/O: nobody else would get a turn.
      if (found !== 'redis') await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await abreast(keys.length, width, read);
  return { run: (operations) => abreast(operations, width, read) };
};
