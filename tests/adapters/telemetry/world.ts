import { expect, onTestFinished } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { compose, type Kith, type Overrides } from '../../../composition/compose.ts';
import { type Config, defaultConfig } from '../../../composition/config.ts';
import { quickHasher } from '../../support/quick-hasher.ts';
import { type Answer, at, password, readAnswer, type Sending, toRequest } from '../http/world.ts';

export type ComposedWorld = {
  readonly kith: Kith;
  send(method: string, path: string, sending?: Sending): Promise<Answer>;
  sendOps(method: string, path: string): Promise<Answer>;
  /** The token of a new user. */
  join(name: string): Promise<{ readonly id: string; readonly token: string }>;
};

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Kith as `compose` makes it, with its own HTTP, over the database in memory. Closed at the end of the test. */
export const openComposed = async (
  overrides: Overrides = {},
  config: Config = defaultConfig(),
): Promise<ComposedWorld> => {
  const kith = await compose(config, {
    database: memoryDatabase(),
    hasher: quickHasher,
    log: silent,
    ...overrides,
  });
  onTestFinished(() => kith.close());
  const send = async (method: string, path: string, sending: Sending = {}) =>
    readAnswer(method, path, await kith.http.fetch(toRequest(method, path, sending)));
  return {
    kith,
    send,
    sendOps: async (method, path) =>
      readAnswer(method, path, await kith.http.ops(toRequest(method, path, {}))),
    join: async (name) => {
      const json = { email: `${name}@example.com`, username: name, password };
      const answer = await send('POST', '/auth/register', { json });
      expect(answer.status).toBe(201);
      return { id: at(answer.json, 'user', 'id'), token: at(answer.json, 'access_token') };
    },
  };
};
