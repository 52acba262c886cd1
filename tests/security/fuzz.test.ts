import fc from 'fast-check';
import { expect, it } from 'vitest';
import { at, openWorld, type World } from '../adapters/http/world.ts';
import { aim, type Names, type Shot, shots } from './shots.ts';

/** `FUZZ_REQUESTS=100000 npm test -- tests/security/fuzz` is the long form. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 1500);
const seed = Number(process.env['FUZZ_SEED'] ?? 20261121);

/** Few, so that one shot that signs everybody out does not spoil many that follow. */
const shotsPerWorld = 50;
const shotsPerRun = 2500;

const settle = async (world: World): Promise<Names> => {
  const member = await world.join('member');
  const admin = await world.joinAsAdmin('chief');
  const contact = await member.send('POST', '/contacts', { json: { first_name: 'Bob' } });
  return { id: member.id, contact: at(contact.json, 'id'), token: member.token, admin: admin.token };
};

const fire = async (world: World, { method, target, headers, body }: Shot) => {
  const sent = new Headers();
  for (const [name, value] of headers) sent.append(name, value);
  const hasBody = body !== undefined && method !== 'GET' && method !== 'HEAD';
  // `send` holds each answer to what the contract says of all of them, and a problem to its schema.
  return world.send(method, target, {
    headers: Object.fromEntries(sent),
    ...(hasBody ? { raw: new TextEncoder().encode(body) } : {}),
  });
};

const runs = Array.from({ length: Math.ceil(requests / shotsPerRun) }, (_, run) => ({
  seed: seed + run,
  count: Math.min(shotsPerRun, requests - run * shotsPerRun),
}));

it.each(runs)(
  'answers $count hostile requests at every documented operation without a 5xx (seed $seed)',
  async ({ seed, count }) => {
    const statuses = new Map<number, number>();
    const reached = new Set<string>();
    let world = await openWorld();
    let names = await settle(world);
    for (const [index, shot] of fc.sample(shots(), { numRuns: count, seed }).entries()) {
      if (index % shotsPerWorld === 0 && index > 0) {
        world = await openWorld();
        names = await settle(world);
      }
      const aimed = aim(shot, names);
      const answer = await fire(world, aimed);
      const context = `seed ${seed}, shot ${index}: ${JSON.stringify(aimed).slice(0, 600)}`;
      expect(answer.status, context).toBeLessThan(500);
      for (const header of ['set-cookie', 'access-control-allow-origin', 'server', 'x-powered-by'])
        expect(answer.headers.get(header), context).toBeNull();
      expect(answer.text, context).not.toMatch(
        /\$argon2|\$quick\$|at \S+ \(|node_modules|select .* from|duplicate key|constraint/i,
      );
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status < 300) reached.add(shot.operation);
    }
    // It is no fuzzing if nothing gets past the door: the shots reach what lies behind it, and are refused in every way.
    const seen = JSON.stringify([...statuses]);
    expect(reached.size, [...reached].join()).toBeGreaterThanOrEqual(count < 1000 ? 0 : 15);
    for (const status of count < 1000 ? [] : [200, 204, 400, 401, 403, 404, 405, 413, 415, 422])
      expect(statuses.get(status) ?? 0, `${status} among ${seen}`).toBeGreaterThan(0);
  },
  300_000,
);
