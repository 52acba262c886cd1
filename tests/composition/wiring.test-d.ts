/** What must not compile about wires. Checked by tsc: an error that is expected and does not come is an error. */
import { systemIds } from '../../adapters/system/ids.ts';
import type { Application } from '../../application/application.ts';
import { authenticate } from '../../application/users/authenticate.ts';
import { logIn } from '../../application/users/log-in.ts';
import { compose } from '../../composition/compose.ts';
import { defaultConfig } from '../../composition/config.ts';
import { type Services, services } from '../../composition/services.ts';
import { type Box, box, boxOf, constant } from '../../composition/wiring.ts';

const { users, hasher, throttle, tokens, writes, log, userDirectory, contactDirectory } = services;

export const right: Box<Application['logIn']> = box(logIn, { users, hasher, throttle, tokens, writes, log });
// @ts-expect-error two wires are crossed
box(logIn, { users, hasher: tokens, throttle, tokens: hasher, writes, log });
// @ts-expect-error one is missing
box(logIn, { users, hasher, tokens, writes, log });
// @ts-expect-error log-in may not have a cache where it asks for the database
box(logIn, { users: userDirectory, hasher, throttle, tokens, writes, log });
// @ts-expect-error one directory is not the other
box(authenticate, { tokens, directory: contactDirectory });
// @ts-expect-error a box makes what its name says
export const named: Box<Services['hasher']> = right;
// @ts-expect-error an application has all of its use cases
export const partial: Box<Application> = boxOf<Application>({ logIn: right });

// @ts-expect-error an override is of the type of what it replaces
await compose(defaultConfig(), { hasher: systemIds });
// @ts-expect-error there is no such service
await compose(defaultConfig(), { postgres: systemIds });
export const given: Box<Services['ids']> = constant(systemIds);
