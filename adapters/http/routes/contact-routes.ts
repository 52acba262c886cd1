import type { AnyFailure } from '../../../domain/failures.ts';
import { parseContactId } from '../../../domain/identifiers.ts';
import { fail } from '../../../domain/result.ts';
import { cacheStatus, etag, expectedVersion, preconditionsOf } from '../answer/conditional.ts';
import { invalidProblem } from '../answer/problems.ts';
import { json } from '../answer/reply.ts';
import { parseIdempotencyKeyHeader } from '../request/idempotency-key.ts';
import { type Route, route, type UserCall, withBody, withQuery } from '../route.ts';
import * as shape from '../wire/representations.ts';
import { contactBody, contactsQuery } from '../wire/schemas.ts';
import { contactFromWire, contactPageToWire, contactToWire } from '../wire/wire.ts';
import { readReply, replyNothing, replyTo, replyToCaller, toText, written } from './outcome.ts';

const contactText = toText(contactToWire);

/** The version of the contact in the path that the preconditions ask for. */
const expectedOf = async (call: UserCall): Promise<number | undefined> => {
  const { application, user, parameter, header } = call;
  const id = parseContactId(parameter('id'));
  // There is no such contact, and that is the answer.
  if (!id.ok) return undefined;
  return expectedVersion(preconditionsOf(header), id.value, async () => {
    const contact = await application.getContact(user.id, id.value, 'authoritative');
    return contact.ok ? contact.value.value.version : undefined;
  });
};

/** What the use cases call otherwise: the parameter `q`, and a header. */
const wireNames: Readonly<Record<string, string>> = { query: 'q', idempotencyKey: 'idempotency-key' };

const inWireNames = <F extends AnyFailure>(failure: F): F =>
  failure.code === 'invalid-input'
    ? {
        ...failure,
        issues: failure.issues.map((issue) => ({
          ...issue,
          path: issue.path.map((step) => wireNames[step] ?? step),
        })),
      }
    : failure;

/** A user's address book. */
export const contactRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/contacts',
    name: 'addContact',
    summary: 'Add a contact',
    access: 'user',
    etag: true,
    success: { status: 201, schema: shape.contact, description: 'The new contact; Location names it.' },
    failures: ['invalid-token', 'contact-limit', 'idempotency-key-reused'],
    ...withBody(contactBody, async ({ application, user, header }: UserCall, body) => {
      const key = parseIdempotencyKeyHeader(header('idempotency-key'));
      if (!key.ok) return invalidProblem([{ path: ['idempotency-key'], ...key.error }]);
      const added = await application.addContact(user.id, contactFromWire(body), key.value);
      return replyToCaller(added.ok ? added : fail(inWireNames(added.error)), (contact) =>
        json(201, contactToWire(contact), [
          ['location', `/contacts/${contact.id}`],
          ['etag', etag(contact)],
        ]),
      );
    }),
  }),
  route({
    method: 'GET',
    path: '/contacts',
    name: 'listContacts',
    summary: 'A page of the contacts, newest first; with q, of those that match',
    access: 'user',
    cached: true,
    success: { status: 200, schema: shape.contactPage, description: 'The page.' },
    failures: ['not-cached'],
    ...withQuery(contactsQuery, async ({ application, user, freshness }: UserCall, { q, ...page }) => {
      const read = await application.listContacts(user.id, { ...page, query: q }, freshness);
      return replyTo(read.ok ? read : fail(inWireNames(read.error)), ({ value, source }) =>
        json(200, contactPageToWire(value), [['cache-status', cacheStatus[source]]]),
      );
    }),
  }),
  route({
    method: 'GET',
    path: '/contacts/{id}',
    name: 'getContact',
    summary: 'A contact',
    access: 'user',
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.contact, description: 'The contact.' },
    failures: ['contact-not-found', 'not-cached'],
    run: async (call) =>
      replyTo(await call.application.getContact(call.user.id, call.parameter('id'), call.freshness), (read) =>
        readReply(call, read, contactText),
      ),
  }),
  route({
    method: 'PATCH',
    path: '/contacts/{id}',
    name: 'changeContact',
    summary: 'Change the fields that are sent; null clears a nullable one',
    access: 'user',
    etag: true,
    success: { status: 200, schema: shape.contact, description: 'The contact as it is now.' },
    failures: ['invalid-token', 'version-conflict', 'contact-not-found'],
    ...withBody(contactBody, async (call: UserCall, body) => {
      const { application, user, parameter } = call;
      const change = contactFromWire(body);
      const changed = await application.changeContact(
        user.id,
        parameter('id'),
        change,
        await expectedOf(call),
      );
      return replyToCaller(changed, (contact) => written(contact, contactToWire(contact)));
    }),
  }),
  route({
    method: 'DELETE',
    path: '/contacts/{id}',
    name: 'removeContact',
    summary: 'Remove a contact',
    access: 'user',
    success: { status: 204, description: 'Removed.' },
    failures: ['invalid-token', 'version-conflict', 'contact-not-found'],
    run: async (call) => {
      const { application, user, parameter } = call;
      return replyToCaller(
        await application.removeContact(user.id, parameter('id'), await expectedOf(call)),
        replyNothing,
      );
    },
  }),
];
