/** What must not compile about routes. Checked by tsc: an error that is expected and does not come is an error. */

import type { CommonProblem } from '../../../adapters/http/answer/edge-problems.ts';
import type { HttpCode } from '../../../adapters/http/answer/problem-table.ts';
import { problem } from '../../../adapters/http/answer/problems.ts';
import { noContent, type Reply } from '../../../adapters/http/answer/reply.ts';
import { type Call, type Route, route, type UserCall, withBody } from '../../../adapters/http/route.ts';
import { replyNothing, replyTo, replyToCaller } from '../../../adapters/http/routes/outcome.ts';
import { setRoleBody } from '../../../adapters/http/wire/schemas.ts';
import type { FaultCode } from '../../../domain/faults.ts';

const columns = {
  method: 'POST',
  path: '/planted',
  name: 'planted',
  summary: 'Planted',
  success: { status: 204, description: 'Done.' },
} as const;

const deactivate = async ({ application }: Call) =>
  replyTo(await application.deactivateUser('x'), replyNothing);
const leave = async ({ application, user }: UserCall) =>
  replyToCaller(await application.deactivateSelf(user.id, { password: 'x' }), replyNothing);
const promote = withBody(setRoleBody, async ({ application }: UserCall, { role }) =>
  replyTo(await application.setRole('x', role), replyNothing),
);

/** A row lists all the failures of its use case, as they reach the wire, and no other. */
export const whole: readonly Route[] = [
  route({ ...columns, access: 'none', failures: ['last-admin', 'user-not-found'], run: deactivate }),
  route({
    ...columns,
    access: 'user',
    failures: ['invalid-token', 'wrong-password', 'too-many-attempts', 'last-admin'],
    run: leave,
  }),
  route({ ...columns, access: 'none', run: () => noContent }),
  route({
    ...columns,
    access: 'admin',
    failures: ['user-not-found', 'last-admin', 'version-conflict'],
    ...promote,
  }),
];
// @ts-expect-error one is missing
export const fewer: Route = route({ ...columns, access: 'none', failures: ['last-admin'], run: deactivate });
// @ts-expect-error all are missing
export const none: Route = route({ ...columns, access: 'none', run: deactivate });
// @ts-expect-error one is too many
export const more: Route = route({
  ...columns,
  access: 'none',
  failures: ['last-admin', 'user-not-found', 'contact-limit'],
  run: deactivate,
});
// @ts-expect-error a caller who is not found has a token that is no good any more
export const asItWas: Route = route({
  ...columns,
  access: 'user',
  failures: ['user-not-found', 'wrong-password', 'too-many-attempts', 'last-admin'],
  run: leave,
});
// @ts-expect-error through a body too
export const withMissing: Route = route({
  ...columns,
  access: 'admin',
  failures: ['last-admin'],
  ...promote,
});
// @ts-expect-error what a handler answers by itself is listed like the rest
export const byHand: Route = route({ ...columns, access: 'none', run: () => problem('shutting-down') });
// @ts-expect-error a handler that does not say what it answers could answer anything
export const vague: Route = route({ ...columns, access: 'none', run: (): Reply => noContent });
// @ts-expect-error a row that nobody checked is no route
export const unchecked: Route = { ...columns, access: 'none', run: () => noContent };

/** The problem that a reply is stays in its type. */
// @ts-expect-error a problem is no success
export const success: Reply<never> = problem('not-found');
// @ts-expect-error nor another problem
export const other: Reply<'forbidden'> = problem('not-found');

/** Every route can answer with every fault. */
export const faults = (code: FaultCode): CommonProblem => code;
// @ts-expect-error but not with every problem of HTTP
export const all = (code: HttpCode): CommonProblem => code;
