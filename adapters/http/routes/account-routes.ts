import { expectedVersion, preconditionsOf } from '../answer/conditional.ts';
import { json } from '../answer/reply.ts';
import { type Call, type Route, route, type UserCall, withBody } from '../route.ts';
import * as shape from '../wire/representations.ts';
import {
  changePasswordBody,
  changeProfileBody,
  deactivateSelfBody,
  logInBody,
  registerBody,
} from '../wire/schemas.ts';
import { profileChangeFromWire, sessionToWire, userToWire } from '../wire/wire.ts';
import { readReply, replyNothing, replyTo, replyToCaller, toText, written } from './outcome.ts';

const userText = toText(userToWire);

/** The version of the caller that the preconditions ask for. */
const expectedOf = ({ application, user, header }: UserCall): Promise<number | undefined> =>
  expectedVersion(preconditionsOf(header), user.id, async () => {
    const now = await application.getUser({ kind: 'id', value: user.id }, 'authoritative');
    return now.ok ? now.value.value.version : undefined;
  });

/** Getting an account, and what its owner does with it. */
export const accountRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/auth/register',
    name: 'register',
    summary: 'Create an account and log in',
    access: 'none',
    limited: 'registration',
    success: { status: 201, schema: shape.session, description: 'The new session; Location names the user.' },
    failures: ['email-taken', 'username-taken', 'phone-taken'],
    ...withBody(registerBody, async ({ application, origin }: Call, body) =>
      replyTo(await application.register({ ...body, origin }), (session) =>
        json(201, sessionToWire(session), [['location', `/users/${session.user.id}`]]),
      ),
    ),
  }),
  route({
    method: 'POST',
    path: '/auth/login',
    name: 'logIn',
    summary: 'Exchange a password for an access token',
    access: 'none',
    limited: 'log-in',
    success: { status: 200, schema: shape.session, description: 'The new session.' },
    failures: ['invalid-credentials', 'too-many-attempts'],
    ...withBody(logInBody, async ({ application, origin }: Call, body) =>
      replyTo(await application.logIn({ ...body, origin }), (session) => json(200, sessionToWire(session))),
    ),
  }),
  route({
    method: 'GET',
    path: '/me',
    name: 'authenticate',
    summary: 'The user that the token stands for',
    access: 'user',
    showsCaller: true,
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.user, description: 'The user.' },
    run: (call) => readReply(call, { value: call.user, source: call.source }, userText),
  }),
  route({
    method: 'PATCH',
    path: '/me',
    name: 'changeProfile',
    summary: 'Change the fields that are sent; null clears a nullable one',
    access: 'user',
    limited: 'log-in',
    limitedWith: 'current_password',
    etag: true,
    success: { status: 200, schema: shape.user, description: 'The user as it is now.' },
    failures: [
      'invalid-token',
      'version-conflict',
      'wrong-password',
      'email-taken',
      'username-taken',
      'phone-taken',
      'too-many-attempts',
    ],
    ...withBody(changeProfileBody, async (call: UserCall, body) => {
      const { application, user, origin } = call;
      const expected = await expectedOf(call);
      const changed = await application.changeProfile(
        user.id,
        { ...profileChangeFromWire(body), origin },
        expected,
      );
      return replyToCaller(changed, (now) => written(now, userToWire(now)));
    }),
  }),
  route({
    method: 'PUT',
    path: '/me/password',
    name: 'changePassword',
    summary: 'Change the password; every token issued before stops working at once',
    access: 'user',
    limited: 'log-in',
    success: { status: 200, schema: shape.session, description: 'A new session.' },
    failures: ['invalid-token', 'version-conflict', 'wrong-password', 'too-many-attempts'],
    ...withBody(changePasswordBody, async (call: UserCall, body) => {
      const { application, user, origin } = call;
      const expected = await expectedOf(call);
      const input = { currentPassword: body.current_password, newPassword: body.new_password, origin };
      return replyToCaller(await application.changePassword(user.id, input, expected), (session) =>
        json(200, sessionToWire(session)),
      );
    }),
  }),
  route({
    method: 'POST',
    path: '/me/sign-out-everywhere',
    name: 'signOutEverywhere',
    summary: 'Every token issued before stops working at once',
    access: 'user',
    success: { status: 204, description: 'Signed out.' },
    failures: ['invalid-token'],
    run: async ({ application, user }) =>
      replyToCaller(await application.signOutEverywhere(user.id), replyNothing),
  }),
  route({
    method: 'POST',
    path: '/me/deactivate',
    name: 'deactivateSelf',
    summary: 'Deactivate the own account',
    access: 'user',
    limited: 'log-in',
    success: { status: 204, description: 'Deactivated.' },
    failures: ['invalid-token', 'wrong-password', 'last-admin', 'too-many-attempts'],
    ...withBody(deactivateSelfBody, async ({ application, user, origin }: UserCall, body) =>
      replyToCaller(await application.deactivateSelf(user.id, { ...body, origin }), replyNothing),
    ),
  }),
];
