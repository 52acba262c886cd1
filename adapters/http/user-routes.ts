import { readReply, replyTo, toText } from './outcome.ts';
import * as shape from './representations.ts';
import type { Route } from './route.ts';
import { profileToWire } from './wire.ts';

const profileText = toText(profileToWire);

/** What users see of each other. */
export const userRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/users/{id}',
    name: 'getProfile',
    summary: 'The public profile of a user',
    access: 'user',
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.profile, description: 'The profile.' },
    failures: ['user-not-found'],
    run: async (call) =>
      replyTo(await call.application.getProfile({ id: call.parameter('id') }, call.freshness), (read) =>
        readReply(call, read, profileText),
      ),
  },
  {
    method: 'GET',
    path: '/users/by-username/{username}',
    name: 'getProfileByUsername',
    summary: 'The public profile of a user, by username',
    access: 'user',
    cached: true,
    etag: true,
    success: { status: 200, schema: shape.profile, description: 'The profile.' },
    failures: ['user-not-found'],
    run: async (call) =>
      replyTo(
        await call.application.getProfile({ username: call.parameter('username') }, call.freshness),
        (read) => readReply(call, read, profileText),
      ),
  },
];
