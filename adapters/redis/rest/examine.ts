import { systemClock } from '../../system/clock.ts';
import { machineReason } from '../../system/messages.ts';
import { classify, NoReply } from '../errors.ts';
import { RedisUnusable } from '../examine.ts';
import { namesPattern } from '../keys.ts';
import { read, runScriptInOrder } from '../scripts.ts';
import { RestClient } from './rest-client.ts';
import type { RestAddress } from './rest-url.ts';

/** What can be known of a database of Upstash by its REST API. */
export type RestFacts = {
  /** Commands that Kith sends and that this token may not. */
  readonly refused: readonly string[];
  readonly latenciesMs: readonly number[];
};

const latencySamples = 5;
const deadlineMs = 3000;
const keyTtlMs = '1000';

/** Asks, and tries each command on a key of its own that lives a second. Throws `RedisUnusable`. */
export const examineRest = async (address: RestAddress, keyPrefix: string): Promise<RestFacts> => {
  const client = new RestClient(address, deadlineMs, systemClock);
  try {
    const latenciesMs: number[] = [];
    for (let sample = 0; sample < latencySamples; sample++) {
      const askedMs = performance.now();
      await client.sendCommand(['PING']);
      latenciesMs.push(performance.now() - askedMs);
    }
    return { refused: await refusedCommands(client, keyPrefix), latenciesMs };
  } catch (error) {
    const { code } = classify(error);
    throw new RedisUnusable(code, code === 'network' ? await networkReason(address) : undefined);
  } finally {
    client.destroy();
  }
};

/** What the machine says of the way there; the client keeps that to itself. */
const networkReason = async ({ url }: RestAddress): Promise<string | undefined> => {
  try {
    const { body } = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(deadlineMs) });
    await body?.cancel();
    return undefined;
  } catch (error) {
    return machineReason(error instanceof Error ? error.cause : undefined);
  }
};

const refusedCommands = async (client: RestClient, keyPrefix: string): Promise<readonly string[]> => {
  const key = `${keyPrefix}doctor:${crypto.randomUUID()}`;
  const tried = {
    SET: client.sendCommand(['SET', key, '', 'PX', keyTtlMs]),
    EVAL: runScriptInOrder(client, read, key, ['x', keyTtlMs, '1']),
    GETRANGE: client.sendCommand(['GETRANGE', key, '0', '0']),
    PTTL: client.sendCommand(['PTTL', key]),
    SCAN: client.sendCommand(['SCAN', '0', 'MATCH', namesPattern(keyPrefix), 'COUNT', '1']),
  };
  const names = Object.entries(tried).map(async ([name, answer]) => {
    const code = await answer.then(
      () => undefined,
      (error) => classify(error).code,
    );
    if (code === undefined || code === 'oom') return [];
    if (code === 'noperm' || code === 'refused') return [name];
    throw new NoReply(code);
  });
  return (await Promise.all(names)).flat();
};
