import { describe, expect, it } from 'vitest';
import { openApi } from '../../../adapters/http/pages/openapi.ts';
import { publicRoutes } from '../../../adapters/http/routes/routes.ts';
import { type Answer, at, errorsOf, expectProblem, type Member, openWorld } from './world.ts';

const uuid = '0b9a3c1e-5d7f-4a21-9c3b-2f6d8e4a7b10';
const grace = { first_name: 'Grace', phone: '+49 170 1234567' };

const post = (member: Member, key: string, json: object = grace): Promise<Answer> =>
  member.send('POST', '/contacts', { json, headers: { 'idempotency-key': key } });

const totalOf = async (member: Member): Promise<number> =>
  Number(Object(await member.send('GET', '/contacts').then(({ json }) => json)).total);

/** What a client gets, but for the id of its request. */
const whole = ({ status, headers, text }: Answer) => [
  status,
  [...headers].filter(([name]) => name !== 'x-request-id'),
  text,
];

describe('Idempotency-Key', () => {
  it('makes of three POSTs one contact and three equal answers', async () => {
    const ada = await (await openWorld()).join('ada');
    const answers = await Promise.all([1, 2, 3].map(() => post(ada, `"${uuid}"`)));
    answers.push(await post(ada, `"${uuid}"`));
    const [first] = answers;
    if (first === undefined) throw new Error('no answer');
    expect(first.status).toBe(201);
    expect(first.headers.get('location')).toBe(`/contacts/${at(first.json, 'id')}`);
    expect(first.headers.get('etag')).toBe(`"${at(first.json, 'id')}-1"`);
    for (const answer of answers) expect(whole(answer)).toEqual(whole(first));
    expect(await totalOf(ada)).toBe(1);
    // What the other answers name is there.
    expect((await ada.send('GET', first.headers.get('location') ?? '')).json).toEqual(first.json);
    await Promise.all([1, 2, 3].map(() => ada.send('POST', '/contacts', { json: grace })));
    expect(await totalOf(ada)).toBe(4);
  });

  it.each([
    ['a string and a bare word', '"abc"', 'abc'],
    ['white space around it', ' "abc" ', '"abc"'],
    ['escapes', String.raw`"a\"b\\c"`, String.raw`"a\"b\\c"`],
    ['what base64 has', 'Zm9v+/==', '"Zm9v+/=="'],
    ['the longest', 'x'.repeat(255), `"${'x'.repeat(255)}"`],
  ])('takes for the same key: %s', async (_what, one, other) => {
    const ada = await (await openWorld()).join('ada');
    const added = await post(ada, one);
    expect(added.status).toBe(201);
    expect(whole(await post(ada, other))).toEqual(whole(added));
    expect(await totalOf(ada)).toBe(1);
  });

  it('takes for other keys what differs in case or in a space', async () => {
    const ada = await (await openWorld()).join('ada');
    for (const key of ['abc', 'ABC', '"abc "', '" abc"']) expect((await post(ada, key)).status).toBe(201);
    expect(await totalOf(ada)).toBe(4);
  });

  it.each([
    ['nothing', '', 'invalid-format'],
    ['an empty string', '""', 'too-short'],
    ['more than the longest', `"${'x'.repeat(256)}"`, 'too-long'],
    ['more than the longest, bare', 'x'.repeat(256), 'too-long'],
    ['two keys, as of two headers', '"a", "b"', 'invalid-format'],
    ['two bare ones', 'a, b', 'invalid-format'],
    ['a string that does not end', '"abc', 'invalid-format'],
    ['an escape of something else', String.raw`"a\nb"`, 'invalid-format'],
    ['parameters', '"abc";x=1', 'invalid-format'],
    ['a space in a bare word', 'a b', 'invalid-format'],
    ['a byte outside of ASCII', '"caf\u00e9"', 'invalid-format'],
  ])('is refused, and nothing is added: %s', async (_what, key, code) => {
    const ada = await (await openWorld()).join('ada');
    const answer = await post(ada, key);
    expectProblem(answer, 422, 'invalid-input');
    expect(errorsOf(answer)).toEqual([`#/idempotency-key ${code}`]);
    expect(await totalOf(ada)).toBe(0);
  });

  it('is refused for another contact', async () => {
    const world = await openWorld();
    const ada = await world.join('ada');
    await post(ada, uuid);
    expectProblem(await post(ada, uuid, { first_name: 'Ada' }), 422, 'idempotency-key-reused');
    expect(await totalOf(ada)).toBe(1);
    // Another user's is another key.
    const eve = await world.join('eve');
    expect((await post(eve, uuid, { first_name: 'Ada' })).status).toBe(201);
  });

  it('stands in no line of the log and in no answer', async () => {
    const world = await openWorld({
      addContact: () => Promise.reject(new Error('planted')),
    });
    const ada = await world.join('ada');
    const answers = [await post(ada, uuid), await post(ada, `${uuid},`)];
    expect(answers.map(({ status }) => status)).toEqual([500, 422]);
    expect(world.log.length).toBeGreaterThan(0);
    expect(JSON.stringify([world.log, answers.map(whole)])).not.toContain(uuid);
  });

  it('is documented where it counts, and nowhere else', () => {
    const { paths } = openApi(publicRoutes);
    const taking = Object.entries(Object(paths)).flatMap(([path, operations]) =>
      Object.entries(Object(operations))
        .filter(([, operation]) => JSON.stringify(operation).includes('"Idempotency-Key"'))
        .map(([method]) => `${method} ${path}`),
    );
    expect(taking).toEqual(['post /contacts']);
    expect(Object(paths)['/contacts'].post.responses['422'].description).toContain('idempotency-key-reused');
  });
});
