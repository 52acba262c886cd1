/** What the domain refuses, both databases refuse; what it accepts, they take; and what stood before a rule stands. */
import { createHash } from 'node:crypto';
import { MikroORM as EmbeddedOrm } from '@mikro-orm/pglite';
import { MikroORM } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { type LogConnection, onKysely } from '../../../adapters/mikro-orm/log-connection.ts';
import { ormOptions } from '../../../adapters/mikro-orm/orm-options.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { checkRules, proveRules } from '../../../adapters/mikro-orm/prove-rules.ts';
import { holdRules, rules } from '../../../adapters/mikro-orm/rules.ts';
import { textTables } from '../../../domain/code-points.ts';
import { newContact, parseContactDraft } from '../../../domain/contact.ts';
import { parseEmail, parsePhone, parseUsernameKey } from '../../../domain/identifiers.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import type { Parsed } from '../../../domain/text.ts';
import { applyPatch, parseLongText, parseName, parseUserPatch } from '../../../domain/user.ts';
import {
  fresh as newAccount,
  freshNumber as newNumber,
  store,
  storeContacts,
} from '../../contracts/persistence-support.ts';
import { contactId } from '../../support/fixtures.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { contactEmails, emails, lines, phones, texts } from '../../support/unusual-inputs.ts';
import { silentLog, untilReady } from './support.ts';

type Opened = AsyncDisposable & {
  readonly rows: LogConnection['rows'];
  readonly connection: LogConnection;
  readonly migrate: (to?: string) => Promise<void>;
};

const onOrm = (orm: MikroORM | EmbeddedOrm, close: () => Promise<void>): Opened => {
  const connection = onKysely(orm.em.getKysely<unknown>());
  return {
    connection,
    rows: connection.rows,
    migrate: async (to) => void (await orm.migrator.up(to === undefined ? undefined : { to })),
    [Symbol.asyncDispose]: close,
  };
};

const engines: readonly (readonly [name: string, open: () => Promise<Opened>])[] = [
  [
    'PostgreSQL',
    async () => {
      const server = await createTestDatabase();
      const { host, port, user, database: dbName } = server.address;
      const orm = new MikroORM({ ...ormOptions, host, port, user, dbName, password: '' });
      return onOrm(orm, async () => {
        await orm.close(true);
        await server[Symbol.asyncDispose]();
      });
    },
  ],
  [
    'PGlite',
    async () => {
      const orm = new EmbeddedOrm({ ...ormOptions, dbName: 'memory://' });
      return onOrm(orm, () => orm.close(true));
    },
  ],
];

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** A row that keeps all rules, but for what is said of it. SQL expressions by column. */
const insert = (
  table: 'users' | 'contacts',
  n: number,
  fields: Readonly<Record<string, string>> = {},
): string => {
  const row: Record<string, string> = {
    id: `'${id(n)}'`,
    created_at: 'now()',
    updated_at: 'now()',
    version: '1',
    ...(table === 'users'
      ? {
          email: `'user${n}@example.com'`,
          username: `'user${n}'`,
          skills: "array['sql']",
          role: "'user'",
          is_active: 'true',
          is_verified: 'false',
          password_hash: "'none'",
          token_version: '1',
        }
      : { user_id: `'${id(1)}'`, first_name: "'Bob'" }),
    ...fields,
  };
  return `insert into ${table} (${Object.keys(row).join(', ')}) values (${Object.values(row).join(', ')})`;
};

/** A value that breaks the rule of its column, and another; and one that keeps it. */
const examples: Readonly<Record<string, readonly [broken: string, another: string, kept: string]>> = {
  email: ["'ann@exa mple.com'", "'no address'", "'ann@example.com'"],
  username: ["'an'", "'-ann'", "'ann'"],
  phone: ["'0170 1234567'", "'+0123456789'", "'+491701234567'"],
  name: ["' Ann'", "E'Ann\\u200b'", "'Ann'"],
  first_name: ["''", "E'two\\nlines'", "'Ann'"],
  last_name: ["E'\\u3164'", "repeat('x', 101)", "repeat('é', 100)"],
  organization: ["E'a\\tb'", "' '", "'Navy'"],
  bio: ["E'cr\\r\\nlf'", "repeat('x', 5001)", "E'\\ttext\\n'"],
  occupation: ["E'\\uffff'", "E'a\\u2028b'", "'smith'"],
  location: ["E'Leipzig\\u3000'", "E'\\u202egpj'", "'Leipzig'"],
  avatar_url: ["'http://example.com'", "'https:///x'", "'HTTPS://example.com/a.png'"],
  skills: [
    "array[repeat('x', 51), null]",
    "array_fill('sql'::text, array[51])",
    "array['sql', 'typescript']",
  ],
  experience: ["repeat('x', 5001)", "E'\\u0085'", "''"],
  notes: ["repeat('x', 5001)", "E'\\ufeff'", "''"],
  birthday: ["'infinity'", "'0044-03-15 BC'", "'0001-01-01'"],
  created_at: ["'-infinity'", "'10000-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999+00'"],
  updated_at: ["'infinity'", "'0044-03-15 BC'", "'0001-01-01 00:00:00+00'"],
};

const example = (column: string) => {
  const found = examples[column];
  if (found === undefined) throw new Error(`no example of ${column}`);
  return found;
};

const violated = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'taken';
  } catch (error) {
    const { code, constraint } = error as { readonly code?: string; readonly constraint?: string };
    return code === '23514' ? String(constraint) : `another error: ${String(code)}`;
  }
};

const takes = (parse: (input: unknown) => Parsed<unknown>) => (value: string) => {
  const parsed = parse(value);
  return parsed.ok && parsed.value === value;
};
const parseUrl = (avatarUrl: unknown): Parsed<unknown> => {
  const patch = parseUserPatch({ avatarUrl: avatarUrl as string });
  return patch.ok
    ? { ok: true, value: patch.value.avatarUrl }
    : { ok: false, error: patch.error[0] ?? never() };
};
const parseBirthday = (birthday: unknown): Parsed<unknown> => {
  const draft = parseContactDraft({ firstName: 'x', birthday: birthday as string });
  return draft.ok
    ? { ok: true, value: draft.value.birthday }
    : { ok: false, error: draft.error[0] ?? never() };
};
const never = (): never => {
  throw new Error('refused without an issue');
};

// Around every border of the tables, and some that are far from any.
const codes = [
  ...new Set(
    Object.values(textTables)
      .flat()
      .flatMap(([first, last]) => [first - 1, first, first + 1, last - 1, last, last + 1])
      .concat([0x41, 0x7a, 0x301, 0x1faea, 0x20000, 0x10fffd])
      // PostgreSQL has no text with a zero, or with half a character, in it.
      .filter((code) => code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)),
  ),
].map((code) => String.fromCodePoint(code));

const character = fc.oneof(fc.constantFrom(...codes), fc.constantFrom(...'aZ09 @.+-_/:%\n\t'));
const text = fc.array(character, { maxLength: 12 }).map((all) => all.join(''));
/** By the limits, and around them. */
const long = (max: number) =>
  fc
    .integer({ min: max - 1, max: max + 1 })
    .chain((length) => fc.constantFrom('x', 'é', '😀').map((each) => each.repeat(length)));

/** What a rule of the domain says of a text as it is stored, and what the function of that rule says. */
const judged: readonly (readonly [
  name: string,
  arbitrary: fc.Arbitrary<string>,
  takes: (value: string) => boolean,
])[] = [
  ['kith_is_name', fc.oneof(text, long(100)), takes(parseName)],
  ['kith_is_long_text', fc.oneof(text, long(5000)), takes(parseLongText)],
  [
    'kith_is_email',
    fc.oneof(
      text,
      fc.emailAddress(),
      fc.tuple(long(64), fc.domain()).map(([local, domain]) => `${local}@${domain}`),
      fc.stringMatching(/^[a-z.!#$%&'*+/=?^_`{|}~-]{1,5}@[a-z0-9.-]{1,8}$/),
    ),
    takes(parseEmail),
  ],
  ['kith_is_username', fc.oneof(text, fc.stringMatching(/^[a-z0-9_.-]{1,34}$/)), takes(parseUsernameKey)],
  ['kith_is_phone', fc.oneof(text, fc.stringMatching(/^\+?[0-9]{6,17}$/)), takes(parsePhone)],
];

const dates = fc.oneof(
  fc.constantFrom('0001-01-01', '9999-12-31', '10000-01-01', '0044-03-15 BC', 'infinity', '-infinity'),
  fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
);

const name = text.filter((value) => parseName(value).ok);
const longText = fc.oneof(text, long(5000)).filter((value) => parseLongText(value).ok);
const draft = fc.record(
  {
    firstName: name,
    lastName: fc.oneof(name, fc.constant(null)),
    organization: fc.oneof(name, fc.constant(null)),
    email: fc.oneof(
      fc.emailAddress().filter((value) => parseEmail(value).ok),
      fc.constantFrom(...contactEmails.accepted.map(([input]) => input)),
    ),
    phone: fc.constantFrom(...phones.accepted.map(([input]) => input)),
    birthday: dates.filter((value) => takes(parseBirthday)(value)),
    notes: longText,
  },
  { requiredKeys: ['firstName'] },
);
const patch = fc.record(
  {
    name,
    bio: longText,
    occupation: name,
    location: fc.constantFrom(...lines.accepted.map(([input]) => input)),
    avatarUrl: fc.webUrl({ validSchemes: ['https'] }).filter((value) => parseUrl(value).ok),
    skills: fc.array(name, { maxLength: 50 }),
    experience: longText,
  },
  { requiredKeys: ['name'] },
);

const isNormal = (value: string): boolean => value.normalize('NFC') === value;

it('the rules of a migration that was released never change: a new rule is a new migration', () => {
  expect(createHash('sha256').update(holdRules.join('\n')).digest('hex')).toMatchInlineSnapshot(
    `"02576e86644fcc9103ff2db11a96d91da4dfb6aabae43b5eb312e100615582b4"`,
  );
});

it('has an example for each rule', () => {
  expect(Object.keys(examples).toSorted()).toEqual(
    [...new Set(rules.map(({ column }) => column))].toSorted(),
  );
});

describe.each(engines)('the rules on %s', (_name, open) => {
  let fresh: Opened;
  beforeAll(async () => {
    fresh = await open();
    await fresh.migrate();
    await fresh.rows(insert('users', 1));
  }, 60_000);
  afterAll(() => fresh[Symbol.asyncDispose]());

  const judge = async (name: string, type: string, values: readonly string[]): Promise<readonly unknown[]> =>
    (
      await fresh.rows(
        `select ${name}(value::${type}) as answer from unnest($1::text[]) with ordinality each(value, n) order by n`,
        [values],
      )
    ).map((row) => Reflect.get(Object(row), 'answer'));

  it.each(judged)(
    '%s says the same as the domain, for all texts that are normalised',
    async (name, arbitrary, isTaken) => {
      const alone = codes.flatMap((each) => [
        each,
        `a${each}b`,
        `${each}b`,
        `a${each}`,
        `+4917${each}0123456`,
      ]);
      await fc.assert(
        fc.asyncProperty(fc.array(arbitrary, { minLength: 1, maxLength: 200 }), async (drawn) => {
          const values = [...alone, ...drawn].filter(isNormal);
          const expected = values.map(isTaken);
          const answers = await judge(name, 'text', values);
          expect(values.filter((_, at) => answers[at] !== expected[at])).toEqual([]);
        }),
        { numRuns: 8 },
      );
    },
    120_000,
  );

  it('can tell a rule that is laxer than the domain, or stricter', async () => {
    await fresh.rows(
      `create function laxer(text) returns boolean language sql as $$ select char_length($1) between 1 and 100 $$`,
    );
    await fresh.rows(
      `create function stricter(text) returns boolean language sql as $$ select kith_is_name($1) and $1 !~ '[\\u200c]' $$`,
    );
    const values = codes.map((each) => `a${each}b`).filter(isNormal);
    const expected = values.map(takes(parseName));
    for (const planted of ['laxer', 'stricter'])
      expect(await judge(planted, 'text', values)).not.toEqual(expected);
  });

  it('takes every URL that the domain takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.webUrl({
              validSchemes: ['https', 'HTTPS', 'http'],
              withFragments: true,
              withQueryParameters: true,
            }),
            text.map((each) => `https://${each}`),
          ),
          { minLength: 50 },
        ),
        async (values) => {
          const answers = await judge('kith_is_url', 'text', values);
          for (const [at, value] of values.entries())
            if (takes(parseUrl)(value)) expect([value, answers[at]]).toEqual([value, true]);
        },
      ),
      { numRuns: 8 },
    );
  }, 120_000);

  it('takes the dates of birth that the domain takes, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(dates, { minLength: 50 }), async (values) => {
        expect(await judge('kith_is_birthday', 'date', values)).toEqual(values.map(takes(parseBirthday)));
      }),
      { numRuns: 5 },
    );
  });

  it('takes what people type, and refuses what the domain refuses of it', async () => {
    for (const [name, { accepted, refused }] of [
      ['kith_is_name', lines],
      ['kith_is_long_text', texts],
      ['kith_is_phone', phones],
      ['kith_is_email', emails],
    ] as const) {
      const stored = accepted.map(([, value]) => value);
      expect(await judge(name, 'text', stored)).toEqual(stored.map(() => true));
      const storable = refused
        .map(([input]) => input)
        .filter((input) => input.isWellFormed() && !input.includes('\0'));
      expect(await judge(name, 'text', storable)).toEqual(storable.map(() => false));
    }
  });

  it('holds each rule of an empty database by a constraint that is valid, and by its column', async () => {
    expect((await checkRules(fresh.connection)).filter(({ state }) => state !== 'proved')).toEqual([]);
    for (const { table, column, name } of rules) {
      const [broken, another, kept] = example(column);
      expect(await violated(fresh.rows(insert(table, 2, { [column]: broken })))).toBe(name);
      await fresh.rows(insert(table, 2, { [column]: kept }));
      const change = `update ${table} set ${column} = ${another} where id = '${id(2)}'`;
      expect(await violated(fresh.rows(change))).toBe(name);
      await fresh.rows(`delete from ${table} where id = '${id(2)}'`);
    }
  }, 60_000);

  it('lets stand what was stored before a rule, and refuses it where it is new', async () => {
    await using old = await open();
    await old.migrate('0005-idempotency-keys');
    await old.rows(insert('users', 1));
    const count = rules.length;
    for (const [at, { table, column }] of rules.entries())
      await old.rows(insert(table, 10 + at, { [column]: example(column)[0] }));
    // Never fails on what is there.
    await old.migrate();
    expect(await proveRules(old.connection)).toEqual(rules.map(({ name }) => name));
    for (const [at, { table, column, name }] of rules.entries()) {
      const [broken, another, kept] = example(column);
      const row = (text: string) => `update ${table} set ${text} where id = '${id(10 + at)}'`;
      // Whoever has such a row goes on, also when all of it is written back as it was read.
      const other = column === 'updated_at' ? 'created_at = now()' : 'updated_at = now()';
      await old.rows(row(`${other}, version = 2`));
      await old.rows(row(`${column} = ${column}, version = 3`));
      if (column === 'skills') await old.rows(row(`${column} = array_remove(${column}, null)`));
      expect(await violated(old.rows(row(`${column} = ${another}`)))).toBe(name);
      expect(await violated(old.rows(insert(table, 10 + count + at, { [column]: broken })))).toBe(name);
      await old.rows(row(`${column} = ${kept}`));
      expect(await violated(old.rows(row(`${column} = ${broken}`)))).toBe(name);
    }
    // Corrected by now, so that all are proved the next time.
    expect(await proveRules(old.connection)).toEqual([]);
    expect(await old.rows(`select tgname from pg_trigger where tgname like '%\\_check%'`)).toEqual([]);
    expect((await checkRules(old.connection)).filter(({ state }) => state !== 'proved')).toEqual([]);
    expect(await proveRules(old.connection)).toEqual([]);
  }, 120_000);

  it('tells a rule that somebody took away, and proves none that a row breaks behind the triggers', async () => {
    await using old = await open();
    await old.migrate('0005-idempotency-keys');
    await old.rows(insert('users', 1));
    await old.migrate();
    await old.rows('alter table users disable trigger users_phone_check_new');
    await old.rows(insert('users', 2, { phone: "'0170 1'" }));
    const stateOf = async (name: string) =>
      (await checkRules(old.connection)).find((rule) => rule.name === name)?.state;
    expect(await stateOf('users_phone_check')).toBe('missing');
    expect(await proveRules(old.connection)).toEqual(['users_phone_check']);
    await old.rows('alter table users enable always trigger users_phone_check_new');
    expect(await stateOf('users_phone_check')).toBe('new-values');
  }, 60_000);
});

const databases: readonly (readonly [name: string, open: () => Promise<Database & AsyncDisposable>])[] = [
  ['PGlite', () => openEmbedded({ dataDir: null }, silentLog)],
  [
    'PostgreSQL',
    async () => {
      const server = await createTestDatabase();
      const database = await openPostgres({ address: server.address }, silentLog);
      await untilReady(database);
      return {
        ...database,
        async [Symbol.asyncDispose]() {
          await database[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  ],
];

it.each(databases)(
  '%s takes all users and contacts that the domain takes, and gives them back',
  async (_name, open) => {
    await using database = await open();
    await fc.assert(
      fc.asyncProperty(patch, draft, async (patchInput, draftInput) => {
        const [changed, drafted] = [parseUserPatch(patchInput), parseContactDraft(draftInput)];
        if (!changed.ok || !drafted.ok) throw new Error('what was drawn is not valid');
        const { user, passwordHash } = newAccount();
        const stored = applyPatch(user, changed.value, user.createdAtMs);
        const contact = newContact(contactId(newNumber()), user.id, drafted.value, user.createdAtMs);
        await store(database, { user: stored, passwordHash });
        await storeContacts(database, user.id, [contact]);
        expect(await database.users.find({ kind: 'id', value: user.id })).toEqual(stored);
        expect(await database.contacts.find(user.id, contact.id)).toEqual(contact);
      }),
      { numRuns: 60 },
    );
  },
  120_000,
);

// Who asks for a table behind a lock that is waited for waits too: it gives up after a moment.
it('gives way to a transaction that has read and goes on, and proves the rules the next time', async () => {
  const [[, open] = ['', undefined]] = engines;
  if (open === undefined) throw new Error('there is no PostgreSQL');
  await using old = await open();
  await old.migrate('0005-idempotency-keys');
  await old.rows(insert('users', 1));
  await old.rows(insert('contacts', 1));
  await old.migrate();
  const [{ name } = { name: '' }] = (await old.rows('select current_database()::text as name')) as readonly {
    readonly name: string;
  }[];
  const server = await createTestDatabase();
  const orm = new MikroORM({
    ...ormOptions,
    ...{ host: server.address.host, port: server.address.port, user: server.address.user },
    dbName: name,
    password: '',
  });
  try {
    await orm.em.transactional(async (em) => {
      await onKysely(em.getKysely<unknown>()).rows('select from users, contacts');
      const proving = proveRules(old.connection, { lockMs: 50, tries: 2, pauseMs: 1 });
      expect(await proving).toEqual(rules.map(({ name }) => name));
    });
    expect(await proveRules(old.connection)).toEqual([]);
  } finally {
    await orm.close(true);
    await server[Symbol.asyncDispose]();
  }
}, 60_000);
