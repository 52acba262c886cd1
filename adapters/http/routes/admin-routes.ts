import { parseUserId } from '../../../domain/identifiers.ts';
import { expectedVersion, preconditionsOf } from '../answer/conditional.ts';
import { json } from '../answer/reply.ts';
import { type Route, route, type UserCall, withBody } from '../route.ts';
import * as shape from '../wire/representations.ts';
import { lookUpBody, setRoleBody } from '../wire/schemas.ts';
import { explanationToWire, lookUpToWire, userToWire } from '../wire/wire.ts';
import { replyNothing, replyTo, written } from './outcome.ts';

/** The version of the user in the path that the preconditions ask for. */
const expectedOf = async ({ application, parameter, header }: UserCall): Promise<number | undefined> => {
  const id = parseUserId(parameter('id'));
  // Nobody has such an id, and that is the answer.
  if (!id.ok) return undefined;
  return expectedVersion(preconditionsOf(header), id.value, async () => {
    const user = await application.getUser({ kind: 'id', value: id.value }, 'authoritative');
    return user.ok ? user.value.value.version : undefined;
  });
};

/** What administrators do. */
export const adminRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/admin/users/lookup',
    name: 'lookUpUsers',
    summary: 'Up to 500 users by mixed keys',
    access: 'admin',
    success: {
      status: 200,
      schema: shape.lookUp,
      description: 'The users that exist, and the keys that found none.',
    },
    ...withBody(lookUpBody, async ({ application, freshness }: UserCall, body) =>
      // `only-if-cached` is about stored responses, and nobody stores one of a POST.
      replyTo(await application.lookUpUsers(body, freshness === 'cached' ? 'bounded' : freshness), (found) =>
        json(200, lookUpToWire(found)),
      ),
    ),
  }),
  route({
    method: 'POST',
    path: '/admin/users/{id}/deactivate',
    name: 'deactivateUser',
    summary: 'Deactivate a user; their tokens stop working at once',
    access: 'admin',
    etag: true,
    success: { status: 200, schema: shape.user, description: 'The user as it is now.' },
    failures: ['user-not-found', 'last-admin'],
    run: async ({ application, parameter }) =>
      replyTo(await application.deactivateUser(parameter('id')), ({ user }) =>
        written(user, userToWire(user)),
      ),
  }),
  route({
    method: 'POST',
    path: '/admin/users/{id}/reactivate',
    name: 'reactivateUser',
    summary: 'Let a deactivated user log in again; their old tokens stay dead',
    access: 'admin',
    etag: true,
    success: { status: 200, schema: shape.user, description: 'The user as it is now.' },
    failures: ['user-not-found', 'last-admin'],
    run: async ({ application, parameter }) =>
      replyTo(await application.reactivateUser(parameter('id')), (user) => written(user, userToWire(user))),
  }),
  route({
    method: 'PUT',
    path: '/admin/users/{id}/role',
    name: 'setRole',
    summary: 'Change the role of a user; a lower one takes effect at once',
    access: 'admin',
    etag: true,
    success: { status: 200, schema: shape.user, description: 'The user as it is now.' },
    failures: ['version-conflict', 'user-not-found', 'last-admin'],
    ...withBody(setRoleBody, async (call: UserCall, { role }) => {
      const changed = await call.application.setRole(call.parameter('id'), role, await expectedOf(call));
      return replyTo(changed, ({ user }) => written(user, userToWire(user)));
    }),
  }),
  route({
    method: 'GET',
    path: '/admin/cache/users/{id}',
    name: 'explainCache',
    summary: 'What each tier holds for a user, never the values',
    access: 'admin',
    success: { status: 200, schema: shape.explanation, description: 'One entry for each record and tier.' },
    failures: ['user-not-found'],
    run: async ({ application, parameter }) =>
      replyTo(await application.explainCache(parameter('id')), (entries) =>
        json(200, explanationToWire(entries)),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/admin/cache/users/{id}',
    name: 'invalidateUser',
    summary: 'Drop every cached entry of a user in every tier on every instance',
    access: 'admin',
    success: { status: 204, description: 'Dropped.' },
    failures: ['user-not-found'],
    run: async ({ application, parameter }) =>
      replyTo(await application.invalidateUser(parameter('id')), replyNothing),
  }),
  route({
    method: 'DELETE',
    path: '/admin/cache/users/{id}/contacts',
    name: 'invalidateContacts',
    summary: 'Drop every cached contact of a user, and their list, in every tier on every instance',
    access: 'admin',
    success: { status: 204, description: 'Dropped.' },
    failures: ['user-not-found'],
    run: async ({ application, parameter }) =>
      replyTo(await application.invalidateContacts(parameter('id')), replyNothing),
  }),
  route({
    method: 'DELETE',
    path: '/admin/cache/users/{id}/contacts/{contact_id}',
    name: 'invalidateContact',
    summary: 'Drop one cached contact, and the list that it is in, in every tier on every instance',
    access: 'admin',
    success: { status: 204, description: 'Dropped.' },
    failures: ['user-not-found', 'contact-not-found'],
    run: async ({ application, parameter }) =>
      replyTo(await application.invalidateContact(parameter('id'), parameter('contact_id')), replyNothing),
  }),
];
