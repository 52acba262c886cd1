/**
 * What a failed command means, whatever node-redis calls it. `limited`: no more is answered for a while, or for this month.
 * `gateway`: something else than Redis answered, as a proxy does whose Redis is away.
 *
 * The messages of node-redis and their `.input` can hold the password and values:
 * nothing of an error leaves this file but one of these codes.
 */
export type FailureCode =
  | 'deadline'
  | 'offline'
  | 'closed'
  | 'queue-full'
  | 'network'
  | 'garbled'
  | 'loading'
  | 'masterdown'
  | 'readonly'
  | 'misconf'
  | 'noreplicas'
  | 'auth'
  | 'wrongtype'
  | 'noperm'
  | 'oom'
  | 'noscript'
  | 'refused'
  | 'limited'
  | 'gateway'
  | 'unknown'
  | 'bypassed';

/**
 * A command without a usable reply. It is a value and not an exception, because an outage of the cache is an outcome.
 */
export class Failed {
  readonly code: FailureCode;

  private constructor(code: FailureCode) {
    this.code = code;
  }

  static readonly #each = new Map<FailureCode, Failed>();

  /** One instance a code: in an outage there are thousands a second. */
  static with(code: FailureCode): Failed {
    const known = Failed.#each.get(code);
    if (known !== undefined) return known;
    const failed = new Failed(code);
    Failed.#each.set(code, failed);
    return failed;
  }
}

/** A reply that did not come, from a client that knows why. */
export class NoReply extends Error {
  override readonly name = 'NoReply';
  readonly code: FailureCode;

  constructor(code: FailureCode) {
    super(`no reply (${code})`);
    this.code = code;
  }
}

/** The first word of an error reply, upper case, is its code: redis.io, "RESP protocol description", simple errors. */
const replies: ReadonlyMap<string, FailureCode> = new Map([
  ['LOADING', 'loading'],
  ['MASTERDOWN', 'masterdown'],
  ['READONLY', 'readonly'],
  ['MISCONF', 'misconf'],
  ['NOREPLICAS', 'noreplicas'],
  ['NOAUTH', 'auth'],
  ['WRONGPASS', 'auth'],
  ['WRONGTYPE', 'wrongtype'],
  ['NOPERM', 'noperm'],
  ['OOM', 'oom'],
  ['NOSCRIPT', 'noscript'],
]);

/** By name and not by class, since an error from a second copy of the package is of another class. */
const classes: ReadonlyMap<string, FailureCode> = new Map([
  ['ClientOfflineError', 'offline'],
  ['ClientClosedError', 'closed'],
  ['DisconnectsClientError', 'closed'],
  ['SocketClosedUnexpectedlyError', 'closed'],
  ['ConnectionTimeoutError', 'network'],
  ['SocketTimeoutError', 'network'],
]);

/** Those by which the server answers; after any other error nobody knows what it did. */
const answers: ReadonlySet<string> = new Set(['ErrorReply', 'SimpleError', 'BlobError']);

/**
 * A reply of another type than the command has. Then replies and commands of this connection no longer belong together,
 * and every later reply may be meant for another command.
 */
class Garbled extends Error {}

export const asNumber = (reply: unknown): number => {
  if (typeof reply !== 'number') throw new Garbled();
  return reply;
};

export const asOk = (reply: unknown): true => {
  if (reply !== 'OK') throw new Garbled();
  return true;
};

export const classify = (error: unknown): Failed => {
  if (!(error instanceof Error)) return Failed.with('unknown');
  if (error instanceof Garbled) return Failed.with('garbled');
  if (error instanceof NoReply) return Failed.with(error.code);
  const code = classes.get(error.constructor.name);
  if (code !== undefined) return Failed.with(code);
  if ('code' in error || 'errno' in error) return Failed.with('network');
  if (error.message === 'The queue is full') return Failed.with('queue-full');
  return Failed.with(answers.has(error.constructor.name) ? codeOf(error.message) : 'unknown');
};

/** What the text of an error reply means. */
export const codeOf = (reply: string): FailureCode => {
  // Before Redis 7 an error inside a script comes behind the script's own: `ERR Error running script ... -READONLY ...`.
  for (const [, word = ''] of reply.matchAll(/(?:^|-)([A-Z]{3,})\b/g)) {
    const code = replies.get(word);
    if (code !== undefined) return code;
  }
  return 'refused';
};

/** The server itself said that it cannot be used. That is certain; a missed deadline is only a sign. */
const refusals: ReadonlySet<FailureCode> = new Set([
  'loading',
  'masterdown',
  'readonly',
  'misconf',
  'noreplicas',
  'auth',
  'garbled',
  'limited',
]);
const signs: ReadonlySet<FailureCode> = new Set([
  'deadline',
  'offline',
  'closed',
  'queue-full',
  'network',
  'gateway',
  'unknown',
]);

/**
 * Whether a failure is Redis being out of use (`certain`, or a `sign` of it), or something about this one command: a wrong
 * type, a missing permission, a full memory leave the rest in working order.
 */
export const outageIn = ({ code }: Failed): 'certain' | 'sign' | 'none' =>
  refusals.has(code) ? 'certain' : signs.has(code) ? 'sign' : 'none';

/** For one command of many: what is about it alone becomes its reply, and an outage fails all of them. */
export const unlessOutage = (error: unknown): Failed => {
  const failed = classify(error);
  if (outageIn(failed) !== 'none') throw error;
  return failed;
};
