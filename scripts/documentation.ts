/**
 * Writes the generated parts of the documentation: `npm run docs`. The tables of variables come from the schema that reads
 * them (composition/config.ts), so names, forms and defaults cannot differ from what a start accepts; only the last column
 * is prose. tests/docs/docs.test.ts fails where a variable has none, or where a page was not written anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { messageRows } from '../adapters/system/messages.ts';
import { findingRows } from '../cli/doctor/finding-table.ts';
import { describeVariables, type VariableDescription } from '../composition/config.ts';

type Note = {
  /** What it is for, and what one pays for more or less of it. */
  readonly about: string;
  /** What it is when it is not set, where that is not one value. */
  readonly unset?: string;
  /** Its form, where the parser's own words say too little. */
  readonly form?: string;
};

const groups: Readonly<Record<string, readonly string[]>> = {
  'Where it listens': [
    'HOST',
    'PORT',
    'OPS_HOST',
    'OPS_PORT',
    'TRUST_PROXY',
    'CORS_ORIGINS',
    'KEEP_ALIVE_TIMEOUT_MS',
    'BASE_PATH',
    'LOG_LEVEL',
  ],
  'Where the data is': [
    'DATABASE_URL',
    'DATABASE_DIRECT_URL',
    'DATABASE_POOLER',
    'DATABASE_SCHEMA',
    'DATABASE_CONNECT_TIMEOUT_MS',
    'DATA_DIR',
    'INSTANCES',
  ],
  Redis: [
    'REDIS_URL',
    'REDIS_PRIVATE_URL',
    'UPSTASH_REDIS_REST_URL',
    'UPSTASH_REDIS_REST_TOKEN',
    'REDIS_HOST',
    'REDIS_PORT',
    'REDIS_PASSWORD',
    'REDIS_CA_FILE',
    'REDIS_POOL_SIZE',
    'REDIS_POOL_TIMEOUT',
    'REDIS_COMMAND_TIMEOUT_MS',
    'REDIS_WAIT_REPLICAS',
  ],
  'How old an answer may be': [
    'MAX_STALENESS_MS',
    'JOURNAL_BOUND_MS',
    'SERVE_WITHOUT_DATABASE_MS',
    'WHEN_DATABASE_UNREACHABLE',
    'CONSISTENCY_AUDIT',
    'USER_CACHE_TTL',
    'USER_PROFILE_TTL',
    'CONTACT_CACHE_TTL',
    'CONTACT_LIST_CACHE_TTL',
    'MEMORY_MAX_ENTRIES',
    'MEMORY_MAX_MIB',
    'CACHE_KEY_PREFIX',
  ],
  'Tokens, passwords and limits': [
    'JWT_SECRET',
    'JWT_PREVIOUS_SECRETS',
    'JWT_TTL',
    'PASSWORD_MIN_LENGTH',
    'ARGON2_MEMORY_KIB',
    'ARGON2_PASSES',
    'LIMIT_LOGIN_PER_MINUTE',
    'LIMIT_REGISTER_PER_MINUTE',
    'BOOTSTRAP_ADMIN_EMAIL',
    'BOOTSTRAP_ADMIN_PASSWORD',
  ],
};

/** What most people set, in the README. */
const essentials: readonly string[] = [
  'PORT',
  'DATABASE_URL',
  'REDIS_URL',
  'JWT_SECRET',
  'MAX_STALENESS_MS',
  'JOURNAL_BOUND_MS',
  'TRUST_PROXY',
  'BOOTSTRAP_ADMIN_EMAIL',
];

const notes: Readonly<Record<string, Note>> = {
  HOST: { about: 'Address of the public listener. `0.0.0.0` or `::` for all.' },
  PORT: { about: 'Port of the public listener.' },
  OPS_HOST: { about: 'Address of the operations listener. It has no authentication: keep it private.' },
  OPS_PORT: { about: 'Port of the operations listener: the operations page, metrics, health in full.' },
  TRUST_PROXY: {
    about:
      'Proxies whose `X-Forwarded-For` counts. Without it all clients behind a proxy share one limit; with too much in it a client chooses its own address.',
  },
  CORS_ORIGINS: {
    about:
      'Origins whose pages may call the API from a browser, of any scheme (`capacitor://localhost`). Each in full: there are no wildcards.',
  },
  BASE_PATH: {
    unset: 'none',
    about:
      'What stands in front of our paths for clients, because a proxy hands on what is below it: `/kith`. The proxy may take it away or not; `Location`, the types of problems and the documentation have it.',
  },
  KEEP_ALIVE_TIMEOUT_MS: {
    about:
      'How long an idle connection of a client is kept. It must be [longer than a balancer in front keeps its own](deployment.md#stopping-and-restarting).',
  },
  LOG_LEVEL: { about: 'The least severe level that is logged, as JSON lines on standard output.' },
  DATABASE_DIRECT_URL: {
    about:
      'The same database without a pooler in between, if `DATABASE_URL` leads to one: for the checks of the log, the wake-ups and the migrations, which need connections of their own.',
  },
  DATABASE_SCHEMA: {
    about:
      'The schema of our tables, made if it is missing. Without it they are where the search path of the role says, usually `public`.',
  },
  DATABASE_URL: {
    about:
      'PostgreSQL, which is the truth. Unset, an embedded one (PGlite) keeps its files in `DATA_DIR`; it is for development and small single nodes.',
    unset: 'embedded',
    form: 'a URL like `postgres://user:password@host:5432/database` ([more forms](#the-url-of-postgresql))',
  },
  DATABASE_POOLER: {
    about:
      'How a pooler in between hands out connections: `transaction` where each transaction may run on another one ([poolers](deployment.md#poolers-and-services)), `none` for session mode or no pooler. `transaction` is right everywhere, and costs three round trips for a read instead of one.',
    unset: '`transaction` with `DATABASE_DIRECT_URL` or `?pgbouncer=true`, else `none`',
  },
  DATABASE_CONNECT_TIMEOUT_MS: {
    about:
      'Milliseconds that the making of one connection may take; in the URL it is `connect_timeout`, in seconds. Nobody waits longer than half a second for one, but it goes on being made. Longer is for long ways with TLS; shorter finds out sooner that a host does not answer, and tries the next.',
    unset: '5000',
  },
  DATA_DIR: { about: 'Files of the embedded database, its lock, and the development secret.' },
  INSTANCES: {
    about:
      'Whether other processes change the same database. It matters only for the embedded one; with PostgreSQL other writers are always expected, be it psql.',
    unset: '`one` when embedded, else `many`',
  },
  REDIS_URL: { about: 'Redis or Valkey 6.2 or newer; `rediss://` for TLS.', unset: 'memory alone' },
  REDIS_PRIVATE_URL: { about: 'The same, taken when `REDIS_URL` is not set.', unset: 'none' },
  UPSTASH_REDIS_REST_URL: {
    about:
      'A database of Upstash, by its REST API ([what differs](deployment.md#upstash-over-rest)); taken when neither of the URLs above is set. `http://` is for this machine alone.',
    unset: 'none',
    form: 'a URL like `https://name.upstash.io`',
  },
  UPSTASH_REDIS_REST_TOKEN: {
    about: 'Its standard token; the one that may only read is of no use.',
    unset: 'none',
    form: 'a token',
  },
  REDIS_HOST: { about: 'The same in parts, taken when none of the URLs is set.', unset: 'none' },
  REDIS_PORT: {
    about:
      'With `REDIS_HOST`. A `tcp://` URL, as Docker and Kubernetes set it for a service called `redis`, is not read.',
    form: 'a port from 1 to 65535',
  },
  REDIS_CA_FILE: {
    unset: 'those that the runtime knows',
    about:
      'With `rediss://`: the authorities whose certificates are trusted, as for a private authority. It is read at the start.',
  },
  REDIS_PASSWORD: { about: 'With `REDIS_HOST`.', unset: 'none', form: 'any text' },
  REDIS_POOL_SIZE: {
    about:
      'Connections that commands are spread over, many at a time on each. One costs the least CPU: ten cost twice as much a hit. Over REST there is one queue, and up to 16 requests are under way. With `REDIS_WAIT_REPLICAS` take two or more: a wait for replicas holds up its whole connection.',
  },
  REDIS_POOL_TIMEOUT: {
    about:
      'Seconds that a start waits for Redis before it serves without it for now; not more than one is used.',
  },
  REDIS_COMMAND_TIMEOUT_MS: {
    about:
      'Milliseconds that one read or write waits for Redis. Lower makes an outage cheaper and takes a slow Redis out of use sooner.',
    unset: '`100`; `400` over REST',
  },
  REDIS_WAIT_REPLICAS: {
    about:
      'Replicas that must confirm each fence. A fence then survives a fail-over, so that a change is seen at once through it ([consistency](consistency.md#what-is-not-promised)); each write waits for them, and so does what shares its connection (see `REDIS_POOL_SIZE`); with fewer replicas Redis is soon out of use. Not over REST.',
  },
  MAX_STALENESS_MS: {
    about:
      'Milliseconds by which memory may be behind on ordinary days (promise F1). Smaller costs more pings; larger shows old values for longer.',
  },
  JOURNAL_BOUND_MS: {
    about:
      'Milliseconds within which every change is seen everywhere, raw SQL too, whatever fails (promise F0). A security write waits that long for an instance that does not answer. Smaller costs more checks of the log, four in each bound; too small for a slow database closes the gate, so that nothing is served from a cache.',
  },
  SERVE_WITHOUT_DATABASE_MS: {
    about:
      'Milliseconds for which cached reads go on while the database does not answer at all, counted from the last check of the log that was answered. Longer bridges longer outages, and is [the bound](consistency.md#what-is-not-promised) of an instance that is cut off while others are not; `0` for none.',
  },
  WHEN_DATABASE_UNREACHABLE: {
    about:
      '`refuse` is the same as `SERVE_WITHOUT_DATABASE_MS=0`: without the database those reads fail with 503.',
  },
  CONSISTENCY_AUDIT: {
    about:
      'The part of the answers from a cache that is held against the database in the background, so that one that is older than `JOURNAL_BOUND_MS` is found ([the audit](consistency.md#the-audit)). At most two of each kind of record are under way at once, so more costs little, and finds more where there are few reads; `0` for none. The one process of an embedded database has none.',
  },
  USER_CACHE_TTL: {
    about:
      'Seconds that a user, and the pointers from email, username and phone, may stay cached, 10 % less to 20 % more. It does not decide how stale an answer can be; it bounds memory. The longest of these times decides for how long the log is kept.',
  },
  USER_PROFILE_TTL: {
    about: 'The same for what others see of a user. Longer saves database reads and takes more of Redis.',
  },
  CONTACT_CACHE_TTL: { about: 'The same for a contact; the same trade.' },
  CONTACT_LIST_CACHE_TTL: {
    about:
      'The same for pages of contacts, which are large and end with every change of a list: long ones gain the least.',
  },
  MEMORY_MAX_ENTRIES: {
    about: 'Entries of the memory tier; the least recently used go first.',
  },
  MEMORY_MAX_MIB: {
    about: 'MiB of the memory tier, estimated; whichever of the two bounds is reached first counts.',
  },
  CACHE_KEY_PREFIX: {
    about: 'In front of every key in Redis. Instances that share a database must share it.',
  },
  JWT_SECRET: {
    about: 'Signs access tokens. `NODE_ENV=production` refuses to start without it.',
    unset: 'made at the first start and kept in `DATA_DIR`',
  },
  JWT_PREVIOUS_SECRETS: {
    about: 'Older secrets that still verify, with commas between them, while you rotate.',
  },
  JWT_TTL: {
    about:
      'Seconds until a token expires. Shorter makes users log in more often, longer leaves a stolen token useful for longer; revocation does not wait for it.',
  },
  PASSWORD_MIN_LENGTH: {
    about:
      'Characters (code points) of a new password. More resists guessing better and turns more people away.',
  },
  ARGON2_MEMORY_KIB: {
    about: 'Memory of one password hash. More resists guessing better and costs each log-in more.',
  },
  ARGON2_PASSES: { about: 'Passes of one password hash; the same trade.' },
  LIMIT_LOGIN_PER_MINUTE: {
    about:
      'Log-ins, and other requests with a password, per address (IPv6: per /64); `0` for no limit. Lower slows down guessing, and locks out those who share an address sooner. Failures per account are limited apart.',
  },
  LIMIT_REGISTER_PER_MINUTE: { about: 'Registrations per address; `0` for no limit. The same trade.' },
  BOOTSTRAP_ADMIN_EMAIL: {
    about:
      'Creates the first administrator at a start that finds none; needs `BOOTSTRAP_ADMIN_PASSWORD` as well.',
    unset: 'none',
    form: 'an email address',
  },
  BOOTSTRAP_ADMIN_PASSWORD: {
    about: 'Their password, under the rules of all others. Remove both once the administrator exists.',
    unset: 'none',
    form: 'a password',
  },
};

/** What stands in the environment for what the parser made of nothing. */
export const shownDefault = ({ unset, expected }: VariableDescription): string | undefined => {
  if (unset === undefined || (Array.isArray(unset) && unset.length === 0)) return undefined;
  // Variables in seconds become milliseconds inside.
  const isConverted = typeof unset === 'number' && expected?.startsWith('seconds') === true;
  return String(isConverted ? unset / 1000 : unset);
};

const row = (of: VariableDescription): string => {
  const note = notes[of.name];
  if (note === undefined) throw new Error(`scripts/documentation.ts says nothing about ${of.name}`);
  const { about, unset, form = of.expected ?? 'any text' } = note;
  const shown = shownDefault(of);
  return `| \`${of.name}\` | ${shown === undefined ? (unset ?? 'none') : `\`${shown}\``} | ${form} | ${about} |`;
};

const table = (names: readonly string[]): string => {
  const all = describeVariables();
  const rows = names.flatMap((name) => all.filter((variable) => variable.name === name).map(row));
  return [
    '| name | default | form | what it does, what it trades |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
};

/** Without the forms, for the README. */
const shortTable = (names: readonly string[]): string =>
  table(names)
    .split('\n')
    .map((line) => line.split(' | ').toSpliced(2, 1).join(' | '))
    .join('\n');

const linkedFromRoot = (text: string): string => text.replaceAll('](consistency.md', '](docs/consistency.md');

/** The generated part of each page. */
export const generated: Readonly<Record<string, () => string>> = {
  'README.md': () => linkedFromRoot(shortTable(essentials)),
  'docs/command-line.md': () => `${messageTable()}\n\n### What the doctor finds\n\n${findingTable()}`,
  'docs/configuration.md': () =>
    Object.entries(groups)
      .map(([title, names]) => `## ${title}\n\n${table(names)}`)
      .join('\n\n'),
};

const messageTable = (): string =>
  [
    '| code | when | exit code |',
    '| --- | --- | --- |',
    ...Object.entries(messageRows).map(
      ([code, { when, exit }]) => `| \`${code}\` | ${when} | ${exit ?? 'goes on'} |`,
    ),
  ].join('\n');

const findingTable = (): string =>
  [
    '| code | when | verdict |',
    '| --- | --- | --- |',
    ...Object.entries(findingRows).map(
      ([code, { when, verdict }]) => `| \`${code}\` | ${when} | ${verdict} |`,
    ),
  ].join('\n');

/** Variables that the schema has and no table shows; there must be none. */
export const unlisted = (): readonly string[] => {
  const listed = new Set(Object.values(groups).flat());
  return describeVariables()
    .map(({ name }) => name)
    .filter((name) => !listed.has(name));
};

const begin = '<!-- generated by npm run docs: begin -->';
const end = '<!-- generated by npm run docs: end -->';

/** The page with its generated part made anew. */
export const written = (page: string, text: string): string => {
  const [before, rest = ''] = text.split(begin);
  const [, after] = rest.split(end);
  const part = generated[page];
  if (before === undefined || after === undefined || part === undefined)
    throw new Error(`${page} has no generated part`);
  return `${before}${begin}\n\n${part()}\n\n${end}${after}`;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const page of Object.keys(generated)) {
    const path = new URL(`../${page}`, import.meta.url);
    writeFileSync(path, written(page, readFileSync(path, 'utf8')));
  }
}
