import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen } from '../../adapters/http/listen.ts';
import { version } from '../../adapters/http/version.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { explain } from '../../cli/explain.ts';
import { invalidate } from '../../cli/invalidate.ts';
import { compose, type Kith } from '../../composition/compose.ts';
import { Secret } from '../../domain/secret.ts';
import manifest from '../../package.json' with { type: 'json' };
import { kith, runIn } from './support.ts';

const password = 'correct horse battery';

describe('explain and invalidate, against a running server', () => {
  let server: Kith;
  let listener: Listener;
  let directory: string;
  let environment: { readonly KITH_URL: string; readonly KITH_TOKEN: string };
  let userToken: string;
  let annId: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kith-cli-'));
    server = await compose(undefined, { database: memoryDatabase() });
    listener = await listen(server.http.fetch, { host: '127.0.0.1', port: 0 });
    const { useCases } = server;
    expect(await server.bootstrapAdmin({ email: 'root@example.com', password })).toEqual({
      ok: true,
      value: true,
    });
    const admin = await useCases.logIn({ identifier: 'root@example.com', password });
    const ann = await useCases.register({
      email: 'ann@example.com',
      username: 'ann',
      phone: '+491701234567',
      password,
    });
    if (!admin.ok || !ann.ok) throw new Error('people were expected');
    const reveal = (token: typeof admin.value.token): string => Secret.reveal(token);
    environment = { KITH_URL: listener.url, KITH_TOKEN: reveal(admin.value.token) };
    userToken = reveal(ann.value.token);
    annId = ann.value.user.id;
  });
  afterAll(async () => {
    await listener.close(0);
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const stateOf = async (user: string): Promise<string | undefined> => {
    const { code, out } = await runIn(explain, [user, '--json'], environment);
    expect(code).toBe(0);
    const { id, entries } = JSON.parse(out);
    expect(id).toBe(annId);
    return entries.find((entry: { record: string }) => entry.record === 'user')?.state;
  };

  it('find a user by id, email, username and phone', async () => {
    for (const name of [annId, 'ann@example.com', ' ANN@Example.com', 'ann', '+49 170 1234567']) {
      await server.useCases.getUser({ kind: 'id', value: annId as never });
      expect(await stateOf(name), name).toBe('value');
      expect(await runIn(invalidate, [name], environment)).toMatchObject({
        code: 0,
        out: `user ${annId}: dropped in every tier\n`,
      });
      expect(await stateOf(name), name).toBe('absent');
    }
  });

  it('change nothing by looking, whatever name was given', async () => {
    for (const name of ['ann@example.com', 'ann', '+49 170 1234567']) {
      await runIn(invalidate, ['ann'], environment);
      const { out } = await runIn(explain, [name, '--json'], environment);
      const { entries }: { readonly entries: readonly { readonly state: string }[] } = JSON.parse(out);
      expect(entries.map(({ state }) => state)).toEqual(entries.map(() => 'absent'));
      // Nor did the look before.
      expect((await runIn(explain, [name, '--json'], environment)).out).toBe(out);
    }
  });

  it('drop one contact, or all of them, and nothing else', async () => {
    const { useCases } = server;
    const owner = annId as never;
    const added = await useCases.addContact(owner, { firstName: 'Bob' });
    const other = await useCases.addContact(owner, { firstName: 'Eve' });
    if (!added.ok || !other.ok) throw new Error('contacts were expected');
    const contact = added.value.id;
    const fill = async () => {
      for (const { id } of [added.value, other.value]) await useCases.getContact(owner, id);
      await useCases.listContacts(owner, {});
      await useCases.getUser({ kind: 'id', value: owner });
    };
    const held = async () => {
      const reads = await Promise.all([
        ...[added.value, other.value].map(({ id }) => useCases.getContact(owner, id, 'cached')),
        useCases.listContacts(owner, {}, 'cached'),
        useCases.getUser({ kind: 'id', value: owner }, 'cached'),
      ]);
      return reads.map(({ ok }) => ok);
    };
    await fill();
    expect(await held()).toEqual([true, true, true, true]);
    expect(await runIn(invalidate, ['ann', '--contact', contact], environment)).toMatchObject({
      code: 0,
      out: `contact ${contact} of user ${annId}: dropped in every tier\n`,
    });
    expect(await held()).toEqual([false, true, false, true]);
    await fill();
    expect(await runIn(invalidate, ['ann', '--contacts', '--json'], environment)).toMatchObject({
      code: 0,
      out: `${JSON.stringify({ id: annId, invalidated: true })}\n`,
    });
    expect(await held()).toEqual([false, false, false, true]);
    const none = await runIn(invalidate, ['ann', '--contact', 'x/../y'], environment);
    expect(none).toMatchObject({
      code: 1,
      err: expect.stringContaining('the server answered 404 contact-not-found'),
    });
    await expect(
      (async () => runIn(invalidate, ['ann', '--contacts', '--contact', contact], environment))(),
    ).rejects.toThrow(/one too many/);
  });

  it('print a table for people, and nothing of the user', async () => {
    await server.useCases.getUser({ kind: 'id', value: annId as never });
    const { code, out } = await runIn(explain, ['ann'], environment);
    expect(code).toBe(0);
    expect(out).toMatch(
      new RegExp(
        `^user ${annId}\n\nrecord +tier +state +version +left +believed\nuser +memory +value +1 +\\d+ s +yes\n`,
      ),
    );
    expect(out).not.toContain('ann@example.com');
  });

  it('say in an exit code and in words why they did not', async () => {
    const ofNobody = await runIn(explain, ['nobody'], environment);
    expect(ofNobody).toMatchObject({ code: 1, out: '' });
    expect(ofNobody.err).toMatch(/^kith: there is no such user; .* \[no-such-user\]\n$/);
    const unknownId = await runIn(
      invalidate,
      [annId.replace(/.$/, (last) => (last === '0' ? '1' : '0')), '--json'],
      environment,
    );
    expect(unknownId).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(unknownId.out)).toEqual({
      error: 'the server answered 404 user-not-found',
      code: 'server-refused',
    });
    const asUser = await runIn(explain, ['ann'], { ...environment, KITH_TOKEN: userToken });
    expect(asUser.err).toBe(
      'kith: the server answered 403 forbidden; use the token of an administrator [server-refused]\n',
    );
    const asNobody = await runIn(explain, ['ann'], { ...environment, KITH_TOKEN: 'hunter2' });
    expect(asNobody.err).toMatch(/^kith: the server answered 401 invalid-token; get a new token/);
    const nowhere = await runIn(explain, ['ann', '--url', 'http://127.0.0.1:1'], environment);
    expect(nowhere.err).toMatch(/^kith: http:\/\/127\.0\.0\.1:1 does not answer; /);
  });

  it('take the token from a file, and no secret from the command line', async () => {
    const file = join(directory, 'token');
    await writeFile(file, `${environment.KITH_TOKEN}\n`, { mode: 0o600 });
    const fromFile = await kith(['explain', 'ann', '--token-file', file, '--url', listener.url, '--json']);
    expect(fromFile).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(fromFile.out).id).toBe(annId);
    for (const args of [
      ['explain', 'ann', '--token=hunter2'],
      ['explain', 'ann', 'hunter2'],
      ['explain', 'ann'],
    ]) {
      const refused = await kith(args, { KITH_URL: listener.url });
      expect(refused).toMatchObject({ code: 2, out: '' });
      expect(refused.err).not.toContain('hunter2');
    }
    await expect(runIn(explain, ['ann', '--url', 'http://a:hunter2@localhost'], environment)).rejects.toThrow(
      'the URL of the server must hold no secret',
    );
    await expect(runIn(explain, ['ann'], { ...environment, KITH_TOKEN: 'a\nb' })).rejects.toThrow(
      'the token is not one',
    );
    await expect(runIn(explain, ['?'], environment)).rejects.toThrow('<user> is none of');
  }, 120_000);
});

describe('kith', () => {
  it('has help for everything, and says which version it is', async () => {
    expect(await kith(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' });
    expect(version).toBe(manifest.version);
    const overview = await kith(['--help']);
    expect(overview.code).toBe(0);
    for (const name of ['start', 'doctor', 'explain', 'invalidate', 'migrate']) {
      expect(overview.out).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      const help = await kith([name, '--help']);
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toContain(`usage: kith ${name}`);
      expect(help.out).toContain('Exit codes:');
    }
  }, 120_000);

  it('ends with 2 on what it does not understand, and writes nothing to standard output', async () => {
    for (const args of [
      [],
      ['bogus'],
      ['__proto__'],
      ['doctor', '--nope'],
      ['--env', '/no/such', 'doctor'],
    ]) {
      const { code, out, err } = await kith(args);
      expect({ code, out }, args.join(' ')).toEqual({ code: 2, out: '' });
      expect(err).not.toBe('');
    }
  }, 120_000);

  it('reads variables from a file, and lets the environment win', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kith-env-'));
    try {
      const file = join(directory, 'kith.env');
      await writeFile(file, `PORT=x\nDATA_DIR=${directory}/none\n`);
      expect((await kith(['doctor', '--env', file])).code).toBe(1);
      expect((await kith([`--env=${file}`, 'doctor'], { PORT: '0' })).code).toBe(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 120_000);
});
