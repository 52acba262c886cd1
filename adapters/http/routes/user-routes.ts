import { type Route, route } from '../route.ts';
import * as shape from '../wire/representations.ts';
import { profileToWire } from '../wire/wire.ts';
import { readReply, replyTo, toText } from './outcome.ts';

const profileText = toText(profileToWire);

/** What users see of each other. */
export const userRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/users/{id}',
    name: 'getProfile',
    summary: 'The public profile of a user',
    access: 'user',
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.profile, description: 'The profile.' },
    failures: ['user-not-found', 'not-cached'],
    run: async (call) =>
      replyTo(await call.application.getProfile({ id: call.parameter('id') }, call.freshness), (read) =>
        readReply(call, read, profileText),
      ),
  }),
  route({
    method: 'GET',
    path: '/users/by-username/{username}',
    name: 'getProfileByUsername',
    summary: 'The public profile of a user, by username',
    access: 'user',
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.profile, description: 'The profile.' },
    failures: ['user-not-found', 'not-cached'],
    run: async (call) =>
      replyTo(
        await call.application.getProfile({ username: call.parameter('username') }, call.freshness),
        (read) => readReply(call, read, profileText),
      ),
  }),
];
