import {
  ClientClosedError,
  ClientOfflineError,
  ErrorReply,
  SimpleError,
  SocketClosedUnexpectedlyError,
} from 'redis';
import { expect, it } from 'vitest';
import { classify, type FailureCode, NoReply, outageIn } from '../../../adapters/redis/errors.ts';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

const rows: readonly (readonly [unknown, FailureCode, ReturnType<typeof outageIn>])[] = [
  [new ClientOfflineError(), 'offline', 'sign'],
  [new ClientClosedError(), 'closed', 'sign'],
  [new SocketClosedUnexpectedlyError(), 'closed', 'sign'],
  [withCode('ECONNRESET'), 'network', 'sign'],
  [new Error('The queue is full'), 'queue-full', 'sign'],
  [new SimpleError('LOADING Redis is loading the dataset in memory'), 'loading', 'certain'],
  [new SimpleError('MASTERDOWN Link with MASTER is down'), 'masterdown', 'certain'],
  [new SimpleError("READONLY You can't write against a read only replica."), 'readonly', 'certain'],
  [
    new SimpleError('ERR Error running script (call to f_1): @user_script:1: -READONLY no'),
    'readonly',
    'certain',
  ],
  [new SimpleError('MISCONF Redis is configured to save RDB snapshots'), 'misconf', 'certain'],
  [new SimpleError('NOREPLICAS Not enough good replicas to write.'), 'noreplicas', 'certain'],
  [new SimpleError('NOAUTH Authentication required.'), 'auth', 'certain'],
  [new SimpleError('WRONGPASS invalid username-password pair'), 'auth', 'certain'],
  [new SimpleError('WRONGTYPE Operation against a key holding the wrong kind of value'), 'wrongtype', 'none'],
  [new SimpleError("NOPERM this user has no permissions to run the 'set' command"), 'noperm', 'none'],
  [new SimpleError("OOM command not allowed when used memory > 'maxmemory'."), 'oom', 'none'],
  [new SimpleError('NOSCRIPT No matching script.'), 'noscript', 'none'],
  [new ErrorReply('ERR something else'), 'refused', 'none'],
  // What a client knows itself.
  [new NoReply('limited'), 'limited', 'certain'],
  [new NoReply('gateway'), 'gateway', 'sign'],
  // Not the server's answer: a fence that fails so may stand.
  [new TypeError('something of the client'), 'unknown', 'sign'],
  [new Error('READONLY says somebody'), 'unknown', 'sign'],
  ['not an error', 'unknown', 'sign'],
];

it.each(rows)('%s is %s, and of an outage it is %s', (error, code, outage) => {
  const failed = classify(error);
  expect(failed.code).toBe(code);
  expect(outageIn(failed)).toBe(outage);
  expect(classify(error)).toBe(failed);
});
