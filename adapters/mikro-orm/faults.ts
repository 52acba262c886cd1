import {
  DatabaseSilent,
  DatabaseUnavailable,
  Fault,
  OutcomeUnknown,
  Overloaded,
  WriteConflict,
} from '../../domain/faults.ts';
import { type Message, type MessageCode, messageOf, messageRows, StartRefused } from '../system/messages.ts';

/** A database in which our tables cannot be, whatever is tried again. */
export class Unsuitable extends DatabaseUnavailable {
  constructor(message: string) {
    super(message, { cause: 'database-unsuitable' });
  }
}

/** A server that lets nobody in: every other statement would meet the same. */
export class Unreachable extends DatabaseUnavailable {}

/** No connection of the pool could be had in time: all were busy, or none could be made. */
export class NoneFree extends DatabaseUnavailable {}

/** A server that takes no writes, perhaps because another one has taken its place. */
export class ReadOnly extends DatabaseUnavailable {}

/**
 * What a driver's error means (SQLSTATE: PostgreSQL manual, appendix A). The driver's own error is dropped, not wrapped:
 * its message, detail, query and parameters hold data of users.
 */
export const toFault = (error: unknown): Error => {
  if (error instanceof Fault || error instanceof StartRefused) return error;
  const code = codeOf(error);
  const cause = problemOf(error);
  if (isSqlState(code)) {
    if (conflict.test(code)) return new WriteConflict(`the transaction lost against another (${code})`);
    if (code === '55P03') return new Overloaded(`the wait for a lock was too long (${code})`);
    if (isStaleStatement(error)) return new WriteConflict(`a prepared statement was out of date (${code})`);
    if (silent.test(code) || isOtherEnd(error))
      return new DatabaseSilent(`the database is unavailable (${code})`, { cause });
    if (unreachable.test(code))
      return new Unreachable(
        `the database is unavailable (${wantsTls(error) ? `${tlsWanted}, ` : ''}${code})`,
        { cause },
      );
    if (code === '25006') return new ReadOnly(`the database is unavailable (${code})`);
    if (unavailable.test(code))
      return new DatabaseUnavailable(`the database is unavailable (${code})`, { cause });
    return new StatementRefused(code);
  }
  // Without a SQLSTATE nothing was answered: a socket, a deadline, a closed pool. What is left is a mistake of ours.
  if (error instanceof TypeError || error instanceof RangeError) {
    return new Error(`the database adapter failed (${error.name})`);
  }
  const reason = `the database did not answer (${reasonOf(error)})`;
  return isPoolTimeout(error) ? new NoneFree(reason) : new DatabaseSilent(reason, { cause });
};

/** The database understood a statement and did not do it: a mistake of ours, or columns and constraints of somebody else. */
export class StatementRefused extends Error {
  override readonly name = 'StatementRefused';
  /** SQLSTATE, which a log may have. */
  readonly code: string;

  constructor(code: string) {
    super(`the database refused a statement (SQLSTATE ${code})`);
    this.code = code;
  }
}

type Problem = Extract<MessageCode, `database-${string}`>;

const problems: readonly string[] = Object.keys(messageRows).filter((code) => code.startsWith('database-'));

/** What people are told of a database that cannot be had, by the driver's error or the fault that was made of it. */
export const toldOfDatabase = (error: unknown, at: string): Message => {
  const { message, cause } = toFault(error);
  return messageOf(isProblem(cause) ? cause : 'database-silent', { at, reason: message });
};

const isProblem = (cause: unknown): cause is Problem => typeof cause === 'string' && problems.includes(cause);

/** The code of the message, for a driver's error that an operator can do something about. */
const problemOf = (error: unknown): Problem | undefined => {
  const code = codeOf(error);
  if (code === undefined)
    return error instanceof Error && error.message === noTls ? 'database-tls' : undefined;
  if (words[code]?.includes('certificate') === true || wantsTls(error)) return 'database-tls';
  return problemsByCode[code];
};

/** As PostgreSQL says it from 15 on and before, and Azure: other languages are told the code alone. */
const wantsTls = (error: unknown): boolean =>
  codeOf(error) === '28000' &&
  error instanceof Error &&
  /no encryption$|SSL off$|SSL connection is required/.test(error.message);

const problemsByCode: Readonly<Record<string, Problem>> = {
  '3D000': 'database-missing',
  '28000': 'database-login-refused',
  '28P01': 'database-login-refused',
  '42501': 'database-not-permitted',
  ENOTFOUND: 'database-host-unknown',
  EAI_AGAIN: 'database-host-unknown',
  ECONNREFUSED: 'database-connection-refused',
};

/** The same for an error of COMMIT, which leaves the outcome open unless the server said that it rolled back. */
export const toCommitFault = (error: unknown): Error => {
  const code = codeOf(error);
  return isSqlState(code) && !connectionLost.test(code) && !isOtherEnd(error)
    ? toFault(error)
    : new OutcomeUnknown(`the connection was lost at COMMIT (${reasonOf(error)})`);
};

/**
 * Whether another attempt may go well at once, outside a transaction: the connection was dead rather than the database slow,
 * or what was prepared on it is out of date, which the driver has forgotten by now.
 */
export const isWorthAnotherTry = (error: unknown): boolean =>
  isConnectionLoss(error) || isStaleStatement(error);

/**
 * Whether a statement that was prepared is not what it was: a column has another type by now (0A000), the connection forgot
 * it (26000), or has one of that name already (42P05). 0A000 also says that something is not supported at all: the routine
 * tells, in any language.
 */
export const isStaleStatement = (error: unknown): boolean => {
  const code = codeOf(error);
  return (
    isForeignStatement(error) ||
    (code === '0A000' && stringField(error, 'routine') === 'RevalidateCachedQuery')
  );
};

/** Whether the connection has other statements than this process prepared on it: a pooler gives it to others meanwhile. */
export const isForeignStatement = (error: unknown): boolean => /^(26000|42P05)$/.test(codeOf(error) ?? '');

/** A wait for a lock that took longer than `lock_timeout`: the holder may be gone at the next try. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === '55P03';

/** A value that a check constraint does not let in, or a row that breaks one that is to be proved. */
export const isCheckViolation = (error: unknown): boolean => codeOf(error) === '23514';

/**
 * The error of a connection that could not be made: no statement was asked yet, so it is never a mistake in one, whatever
 * a server, a pooler or the driver says.
 */
export const toConnectError = (error: unknown): unknown => {
  const known = toFault(error);
  if (known instanceof Fault || known instanceof StartRefused) return error;
  const cause = problemOf(error);
  return new Unreachable(`no connection could be made (${codeOf(error) ?? known.name})`, { cause });
};

/**
 * The end of a connection for a reason that is not in the lists below. So poolers speak of a server that they cannot reach,
 * that died, or whose connections are all taken: 08P01 is PgBouncer's, XX000 that of Pgpool-II and Supavisor. What answers
 * a statement has the severity ERROR; 08P01 is then a text with a NUL, and a mistake of ours.
 */
const isOtherEnd = (error: unknown): boolean => {
  const code = codeOf(error) ?? '';
  const isEnd = /^(FATAL|PANIC)$/.test(stringField(error, 'severity') ?? '');
  return isEnd && (code.startsWith('XX') || !unavailable.test(code));
};

const isConnectionLoss = (error: unknown): boolean => {
  const code = codeOf(error);
  if (isSqlState(code)) return /^(57P0[1235]|0800[036])$/.test(code) || isOtherEnd(error);
  if (code !== undefined) return code === 'ECONNRESET' || code === 'ECONNREFUSED' || code === 'EPIPE';
  return error instanceof Error && /terminated unexpectedly|not queryable|discarded/.test(error.message);
};

/** What pg says when a wait for a connection of the pool is over. Our own wait says the same. */
export const poolTimeout = 'timeout exceeded when trying to connect';

const connectTimeouts = ['timeout expired', 'Connection terminated due to connection timeout'];

/** Whether a connection could not be made in the time that the driver was given for it. */
export const isConnectTimeout = (error: unknown): boolean =>
  error instanceof Error && connectTimeouts.includes(error.message);

export const isPoolTimeout = (error: unknown): boolean =>
  error instanceof Error && error.message === poolTimeout;

/** The unique index that refused a row. */
export const violatedIndex = (error: unknown): string | undefined =>
  codeOf(error) === '23505' ? stringField(error, 'constraint') : undefined;

const conflict = /^(40000|40001|40P01)$/;
// 08 connection (08P01 has two meanings: isOtherEnd), 28 log-in, 40003 unknown completion, 53 resources, 55 not in the state
// for it, 57 operators, shutdown and timeouts, 58 system, 72 snapshot, F0 configuration files, XX the server's own mistakes,
// 25006 read-only, 25P0x too long in a transaction, and a schema or database that is not (yet) ours: 3D000, 3F000, 42P01,
// 42703, 42883, 42501.
const unavailable =
  /^(08(?!P01)|28|40003|53|55|57|58|72|F0|XX|25006|25P0[34]|3[DF]000|42P01|42703|42883|42501)/;
// Of these, what tells nothing of what others may write: no connection, no room for one, a server that goes or comes.
const silent = /^(08(?!P01)|53300|57P0[123])/;
// And what every other statement would meet as well, from a server that is there: no log-in, no such database.
const unreachable = /^(28|57P0|3D000)/;
const connectionLost = /^(08|57P0|58|XX|40003)/;

const isSqlState = (code: string | undefined): code is string =>
  code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);

/**
 * Words for what an operator confuses, or a code, or a message of pg that is known to be fixed; any other text might hold a
 * value.
 */
const reasonOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : '';
  const code = codeOf(error);
  const word = words[code ?? message];
  if (word !== undefined) return code === undefined ? word : `${word}, ${code}`;
  return code ?? (fixedMessages.has(message) ? message : 'no reason given');
};

const noTls = 'The server does not support SSL connections';
const tlsWanted = 'no TLS: the server wants it, and sslmode asks for it';
const untrusted = 'untrusted certificate: let sslrootcert name the file of its authority';

/** By code or message of Node, OpenSSL and pg. */
const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused: nobody listens at that port',
  [noTls]: 'no TLS: the server does not speak it at that port',
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong certificate: it is for another name than that of the host',
};

const fixedMessages: ReadonlySet<string> = new Set([
  'Client has encountered a connection error and is not queryable',
  ...connectTimeouts,
  'Connection terminated unexpectedly',
  'Connection terminated',
  'Query read timeout',
  'There was an error establishing an SSL connection',
  poolTimeout,
]);

const codeOf = (error: unknown): string | undefined => stringField(error, 'code');

const stringField = (error: unknown, field: string): string | undefined => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, field) : undefined;
  return typeof value === 'string' ? value : undefined;
};
