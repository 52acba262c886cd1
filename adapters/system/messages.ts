/**
 * Everything that a start or a command says to the person who typed it, in one table: a code that can be searched for, what
 * is wrong, what to do, and the exit code. A line is `kith: <what is wrong>; <what to do> [<code>]`. No value of a variable
 * is among the words but addresses, names and paths. tests/cli/messages.test.ts provokes each of them, by real processes.
 */

/**
 * 1: it could not be done, and may go well another time. 2: the command was not understood. 78: nothing but another
 * configuration helps (EX_CONFIG of sysexits.h). `null`: the process goes on.
 */
export type ExitOf = 1 | 2 | 78 | null;

type At = { readonly at: string };
type Directory = { readonly directory: string };
type Listening = { readonly host: string; readonly port: number };

/** What the words of each message need. */
export type MessageValues = {
  readonly 'needs-node': { readonly needs: string; readonly version: string };
  readonly 'variable-refused': { readonly name: string; readonly expected: string };
  readonly 'variable-missing': { readonly name: string; readonly expected: string };
  readonly 'variable-unread': { readonly name: string; readonly meant: string };
  readonly 'embedded-in-production': Directory;
  readonly 'only-local': { readonly mark: string };
  readonly 'redis-unused': { readonly name: string; readonly used: string };
  readonly 'data-directory-unusable': Directory & { readonly reason: string };
  readonly 'data-directory-in-use': Directory & { readonly pid: number };
  readonly 'secret-file-unusable': { readonly path: string };
  readonly 'port-in-use': Listening;
  readonly 'cannot-listen': Listening & { readonly reason: string };
  readonly 'database-missing': At;
  readonly 'database-login-refused': At & { readonly reason: string };
  readonly 'database-unsuitable': At & { readonly reason: string };
  readonly 'database-host-unknown': At;
  readonly 'database-connection-refused': At;
  readonly 'database-tls': At & { readonly reason: string };
  readonly 'database-not-permitted': At & { readonly reason: string };
  readonly 'database-silent': At & { readonly reason: string };
  readonly 'migration-refused': { readonly reason: string };
  readonly 'bootstrap-admin-refused': { readonly reason: string };
  readonly crashed: { readonly error: string };
  readonly 'server-silent': { readonly origin: string };
  readonly 'server-cut-off': { readonly origin: string };
  readonly 'server-foreign': { readonly origin: string };
  readonly 'server-refused': { readonly status: number; readonly problem: string };
  readonly 'no-such-user': NoValues;
  readonly 'command-unknown': { readonly name: string };
  readonly 'command-refused': { readonly reason: string };
  readonly 'env-file-unreadable': { readonly reason: string };
  readonly 'token-missing': NoValues;
  readonly 'token-unusable': { readonly reason: string };
  readonly 'url-refused': { readonly reason: string };
};
type NoValues = Readonly<Record<never, never>>;

export type MessageCode = keyof MessageValues;

export type MessageRow<Values> = {
  readonly exit: ExitOf;
  readonly what: (of: Values) => string;
  readonly todo: (of: Values) => string;
  /** When it is said, for the documentation. */
  readonly when: string;
};

const listening = ({ host, port }: Listening): string => `cannot listen on ${host} port ${port}`;

export const messageRows: { readonly [Code in MessageCode]: MessageRow<MessageValues[Code]> } = {
  // cli/kith.js says this one by itself: an older Node cannot read this file.
  'needs-node': {
    exit: 78,
    what: ({ needs, version }) => `needs ${needs}; this is ${version}`,
    todo: () => 'install that one; in a clone `npm ci --include=dev` brings it',
    when: 'the runtime is too old; nothing was written',
  },
  'variable-refused': {
    exit: 78,
    what: ({ name, expected }) => `${name}: expected ${expected}`,
    todo: ({ name }) => `set ${name} so, or unset it`,
    when: 'a variable is not as it must be; its value is not repeated',
  },
  'variable-missing': {
    exit: 78,
    what: ({ name }) => `${name}: is not set`,
    todo: ({ name, expected }) => `set ${name} to ${expected}`,
    when: 'a variable is needed because of another',
  },
  'variable-unread': {
    exit: null,
    what: ({ name }) => `${name} is set, and nobody reads it`,
    todo: ({ meant }) => `if you meant ${meant}, set that`,
    when: 'the name of a variable is nearly one of ours',
  },
  'embedded-in-production': {
    exit: null,
    what: ({ directory }) =>
      `NODE_ENV=production without DATABASE_URL: the embedded database in ${directory} holds all data`,
    todo: () => 'set DATABASE_URL, or keep DATA_DIR on a disk that stays',
    when: 'a production server would lose its data with its disk',
  },
  'only-local': {
    exit: null,
    what: ({ mark }) =>
      `HOST is not set, so nobody outside of this container reaches the server (${mark} is set)`,
    todo: () => 'set HOST to 0.0.0.0, or to :: where the network is IPv6',
    when: 'a platform is recognised by a variable of its own, and `HOST` is not set',
  },
  'redis-unused': {
    exit: null,
    what: ({ name, used }) => `${name} is not used, because ${used} comes first`,
    todo: () => 'unset the one that is not meant',
    when: '`UPSTASH_REDIS_REST_URL` is set, and one that is taken before it',
  },
  'data-directory-unusable': {
    exit: 78,
    what: ({ directory, reason }) => `DATA_DIR: ${directory} cannot be used (${reason})`,
    todo: () => 'set DATA_DIR to a directory that this user may write, or DATABASE_URL and JWT_SECRET',
    when: 'the directory cannot be made, read or written, or is a file',
  },
  'data-directory-in-use': {
    exit: 1,
    what: ({ directory, pid }) => `the data directory ${directory} is in use by process ${pid}`,
    todo: () => 'stop that process (a server migrates at its start), or set another DATA_DIR',
    when: 'another process has the embedded database open',
  },
  'secret-file-unusable': {
    exit: 78,
    what: ({ path }) => `${path} holds no usable secret`,
    todo: () => 'delete it to have a new one made, or set JWT_SECRET',
    when: 'the development secret was overwritten',
  },
  'port-in-use': {
    exit: 1,
    what: (at) => `${listening(at)}: the port is in use`,
    todo: () => 'stop what has it, or set PORT (or OPS_PORT) to another',
    when: 'somebody listens there',
  },
  'cannot-listen': {
    exit: 78,
    what: ({ reason, ...at }) => `${listening(at)}: ${reason}`,
    todo: () => 'set HOST (or OPS_HOST) to an address of this machine, and a port that this user may have',
    when: 'the address is not of this machine, or the port is kept for root',
  },
  'database-missing': {
    exit: 78,
    what: ({ at }) => `DATABASE_URL: there is no such database at ${at}`,
    todo: () => 'make it (createdb), or correct the name behind the last slash',
    when: 'PostgreSQL says 3D000',
  },
  'database-login-refused': {
    exit: 78,
    what: ({ at, reason }) => `DATABASE_URL: ${at} lets this role not in (${reason})`,
    todo: () => 'correct the role and the password in the URL, or let the role in (pg_hba.conf)',
    when: 'PostgreSQL says 28000 or 28P01',
  },
  'database-unsuitable': {
    exit: 78,
    what: ({ at, reason }) => `DATABASE_URL: ${at} cannot be used: ${reason}`,
    todo: () => 'set DATABASE_SCHEMA, or let DATABASE_URL name another database',
    when: 'tables of somebody else, no schema, or an encoding other than UTF8',
  },
  'database-host-unknown': {
    exit: null,
    what: ({ at }) => `DATABASE_URL: no address is known for the host of ${at}`,
    todo: () => 'correct the host; a server asks again meanwhile',
    when: 'DNS has no such name',
  },
  'database-connection-refused': {
    exit: null,
    what: ({ at }) => `DATABASE_URL: nobody listens at ${at}`,
    todo: () => 'start PostgreSQL, or correct host and port; a server tries again meanwhile',
    when: 'the connection is refused',
  },
  'database-tls': {
    exit: null,
    what: ({ at, reason }) => `DATABASE_URL: no TLS with ${at} (${reason})`,
    todo: () => 'correct sslmode or sslrootcert in the URL; a server tries again meanwhile',
    when: 'the certificate is not trusted, or the port speaks no TLS',
  },
  'database-not-permitted': {
    exit: null,
    what: ({ at, reason }) => `DATABASE_URL: this role may not do what is needed at ${at} (${reason})`,
    todo: () => 'run `kith migrate --grant <role>` as the owner; a server tries again meanwhile',
    when: 'the role lacks rights, or migrations are missing that it may not make',
  },
  'database-silent': {
    exit: null,
    what: ({ at, reason }) => `DATABASE_URL: ${at} is not ready: ${reason}`,
    todo: () => 'nothing, if it is starting: a server tries again; else look at the server and the network',
    when: 'any other reason why the database is not ready yet',
  },
  'migration-refused': {
    exit: 1,
    what: ({ reason }) => reason,
    todo: () => 'the log of PostgreSQL has the whole of it',
    when: '`kith migrate`, `kith restored` or `kith doctor` was refused by the database in another way',
  },
  'bootstrap-admin-refused': {
    exit: null,
    what: ({ reason }) => `BOOTSTRAP_ADMIN_EMAIL: nobody was made administrator (${reason})`,
    todo: () => 'set BOOTSTRAP_ADMIN_EMAIL to an address that no user has, and start again',
    when: 'there is no administrator, and a user who is none has that email; the server is ready all the same',
  },
  crashed: {
    exit: 1,
    what: ({ error }) => `a mistake of Kith's ended the process (${error})`,
    todo: () => 'its place is in the last line of the log; please report it',
    when: 'an error that nobody expected',
  },
  'server-silent': {
    exit: 1,
    what: ({ origin }) => `${origin} does not answer`,
    todo: () => 'start the server, or name it by --url or KITH_URL',
    when: 'a command finds no server',
  },
  'server-cut-off': {
    exit: 1,
    what: ({ origin }) => `${origin} began an answer and did not end it`,
    todo: () => 'try again: what became of it is not known',
    when: 'the connection of a command was lost',
  },
  'server-foreign': {
    exit: 1,
    what: ({ origin }) => `${origin} does not answer as Kith does`,
    todo: () => 'name the public listener of Kith by --url or KITH_URL',
    when: 'something else listens there',
  },
  'server-refused': {
    exit: 1,
    what: ({ status, problem }) => `the server answered ${`${status} ${problem}`.trim()}`,
    todo: ({ status }) =>
      status === 401
        ? 'get a new token by POST /auth/login'
        : status === 403
          ? 'use the token of an administrator'
          : 'the problem is explained at /problems of the server',
    when: 'the token is old, or of somebody who is no administrator',
  },
  'no-such-user': {
    exit: 1,
    what: () => 'there is no such user',
    todo: () => 'nothing is cached of who is not there',
    when: '`kith explain` and `kith invalidate`',
  },
  'command-unknown': {
    exit: 2,
    what: ({ name }) => `there is no command ${JSON.stringify(name)}`,
    todo: () => 'try kith --help',
    when: 'the first word is no command',
  },
  'command-refused': {
    exit: 2,
    what: ({ reason }) => reason,
    todo: () => 'try kith <command> --help',
    when: 'options or arguments are not as the command takes them',
  },
  'env-file-unreadable': {
    exit: 2,
    what: ({ reason }) => `the file of --env cannot be read (${reason})`,
    todo: () => 'name a file of lines NAME=value',
    when: '`--env` names no file',
  },
  'token-missing': {
    exit: 2,
    what: () => 'a token is needed',
    todo: () => 'set KITH_TOKEN, or name a file by --token-file',
    when: 'a command that asks a server has no token',
  },
  'token-unusable': {
    exit: 2,
    what: ({ reason }) => reason,
    todo: () => 'take the access_token of POST /auth/login',
    when: 'the file cannot be read, or holds no token',
  },
  'url-refused': {
    exit: 2,
    what: ({ reason }) => reason,
    todo: () => 'give one like http://127.0.0.1:3000',
    when: '`--url` or `KITH_URL` is not one',
  },
};

/** A message with its words. */
export type Message = {
  readonly code: MessageCode;
  readonly exit: ExitOf;
  readonly what: string;
  readonly todo: string;
};

export const messageOf = <Code extends MessageCode>(code: Code, values: MessageValues[Code]): Message => {
  const row: MessageRow<MessageValues[Code]> = messageRows[code];
  return { code, exit: row.exit, what: row.what(values), todo: row.todo(values) };
};

/** The line on standard error. */
export const lineOf = ({ code, what, todo }: Message): string => `kith: ${what}; ${todo} [${code}]\n`;

/** It cannot be done, for reasons that the person who asked can remove; the message is for that person, and holds no secret. */
export class Told extends Error {
  override readonly name: string = 'Told';
  readonly told: readonly Message[];

  constructor(...told: readonly Message[]) {
    super(told.map(({ what, todo }) => `${what}; ${todo}`).join('\n'));
    this.told = told;
  }
}

/** A reason not to start. */
export class StartRefused extends Told {
  override readonly name: string = 'StartRefused';
}

const words: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'it is on a disk that cannot be written',
  ENOTDIR: 'it, or what it lies in, is a file',
  EEXIST: 'it is a file',
  EISDIR: 'a directory is where a file must be',
  ENOENT: 'what it lies in is not there',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many files are open',
  ECONNREFUSED: 'refused: nobody listens at that port',
  ECONNRESET: 'the connection was closed',
  ETIMEDOUT: 'no answer in time',
  EADDRNOTAVAIL: 'the address is not of this machine',
  ENOTFOUND: 'no address is known for this name',
  EAI_AGAIN: 'no address is known for this name',
};

/** An error code of the machine with words for it where there are some; `undefined` for an error of another kind. */
export const machineReason = (error: unknown): string | undefined => {
  // Deno's own errors have a name and no code.
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string'
      ? error.code
      : denoCodes[error instanceof Error ? error.name : ''];
  if (code === undefined || !/^E[A-Z_]+$/.test(code) || code.startsWith('ERR_')) return undefined;
  return words[code] === undefined ? code : `${words[code]}, ${code}`;
};

const denoCodes: Readonly<Record<string, string>> = {
  PermissionDenied: 'EACCES',
  NotADirectory: 'ENOTDIR',
  NotCapable: 'EPERM',
};
