import { createHash } from 'node:crypto';
import type { Client } from './client.ts';
import { classify } from './errors.ts';

/** Lua that runs on one key, so that it also runs on Cluster, with commands of Redis 6.2. */
export type Script = { readonly lua: string; readonly sha1: string };

export const script = (lua: string): Script => ({ lua, sha1: createHash('sha1').update(lua).digest('hex') });

// GETRANGE and not GET, to the length of what is asked for: a value of 64 MB, put there by somebody else, is not copied.

/** READ key, lease, ttlMs, last: the value up to the byte `last`, or 1 for a lease where there is none. */
export const read: Script = script(`local v = redis.call('GETRANGE', KEYS[1], 0, ARGV[3])
if v ~= '' then return v end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** FILL key, lease, value or empty, ttlMs: turns one's own lease into the value, or into nothing. */
export const fill: Script =
  script(`if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`);

/**
 * RELEASE key, fence, channel, message: deletes unless it is somebody else's fence. Not only one's own fence: if that was
 * lost, an old value may have been filled since, and some memory may have taken it, so everybody is told again. pcall,
 * because GETRANGE refuses a key of another type, which has to go as well.
 */
export const release: Script = script(`local v = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1])
if type(v) == 'string' and string.sub(v, 1, 2) == 'F:' and v ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1])
if v ~= ARGV[1] and ARGV[2] ~= '' then redis.call('PUBLISH', ARGV[2], ARGV[3]) end
return 1`);

/** REPLACE key, header, lease, ttlMs: turns a value that begins so into a lease, unless something else lies there by now. */
export const replace: Script =
  script(`if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`);

/** REPLAY key: deletes unless it is a fence, whose owner will release it. */
export const replay: Script = script(`if redis.pcall('GETRANGE', KEYS[1], 0, 1) == 'F:' then return 0 end
redis.call('UNLINK', KEYS[1])
return 1`);

/** Runs a script by its name and, where the server does not know it yet (or any more), by its text. */
export const runScript = async (
  client: Client,
  { lua, sha1 }: Script,
  name: string,
  args: readonly string[],
): Promise<unknown> => {
  try {
    return await client.sendCommand(['EVALSHA', sha1, '1', name, ...args]);
  } catch (error) {
    if (classify(error).code !== 'noscript') throw error;
    return client.sendCommand(['EVAL', lua, '1', name, ...args]);
  }
};

/**
 * Runs a script by its text, in its turn among the other commands of this tick. For what must be done before the PUBLISH
 * behind it is: by name it might be sent a second time, after that, and a memory that dropped the key would read the old
 * value again.
 */
export const runScriptInOrder = (
  client: Client,
  { lua }: Script,
  name: string,
  args: readonly string[],
): Promise<unknown> => client.sendCommand(['EVAL', lua, '1', name, ...args]);
