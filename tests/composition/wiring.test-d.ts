/** What must not compile about wires. Checked by tsc: an error that is expected and does not come is an error. */
import { systemIds } from '../../adapters/system/ids.ts';
import type { Application } from '../../application/application.ts';
import { authenticate } from '../../application/users/authenticate.ts';
import { logIn } from '../../application/users/log-in.ts';
import { compose, kithService, type Overrides } from '../../composition/compose.ts';
import { defaultConfig } from '../../composition/config.ts';
import * as services from '../../composition/container.ts';
import { type Box, box, boxOf, replace } from '../../composition/wiring.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';

const { users, hasher, throttle, tokens, writes, log, userDirectory, contactDirectory, ids, clock } =
  services;

export const right: Box<Application['logIn']> = box({ users, hasher, throttle, tokens, writes, log }, logIn);
// @ts-expect-error two wires are crossed
box({ users, hasher: tokens, throttle, tokens: hasher, writes, log }, logIn);
// @ts-expect-error one is missing
box({ users, hasher, tokens, writes, log }, logIn);
// @ts-expect-error log-in may not have a cache where it asks for the database
box({ users: userDirectory, hasher, throttle, tokens, writes, log }, logIn);
// @ts-expect-error one directory is not the other
box({ tokens, directory: contactDirectory }, authenticate);
// @ts-expect-error a box makes what its name says
export const named: Box<PasswordHasher> = right;
// @ts-expect-error an application has all of its use cases
export const partial: Box<Application> = boxOf<Application>({ logIn: right });
// @ts-expect-error a maker gets what it was wired with and nothing else
box({ clock }, ({ clock, ids }) => [clock, ids]);
// @ts-expect-error a box is wired after it was made, so there are no circles
// biome-ignore lint/correctness/noInvalidUseBeforeDeclaration: it must not compile either
box({ late }, ({ late }) => late);
const late = box({}, () => 1);
// @ts-expect-error a name in the container has the type of its service
export const clockName: (typeof services.ids)['id'] = services.clock.id;

replace(ids, systemIds);
// @ts-expect-error what is given is of the type of the box
replace(hasher, systemIds);

// What a host may hand in is of the very type of the port.
export const given: (overrides: Overrides) => Ids | undefined = ({ ids }) => ids;
export const exact: (clock: Clock) => Overrides = (clock) => ({ clock });
// @ts-expect-error an override is of the type of what it replaces
await compose(defaultConfig(), { hasher: systemIds });
// @ts-expect-error there is no such service
await compose(defaultConfig(), { postgres: systemIds });
declare const internal: { readonly [Name in 'writes' | 'users' | 'observedCache' | 'application']: never };
// @ts-expect-error a service that is no port cannot be replaced
await compose(defaultConfig(), { writes: internal.writes });
// @ts-expect-error nor a part of a port
await compose(defaultConfig(), { users: internal.users });
// @ts-expect-error nor a port as others see it
await compose(defaultConfig(), { observedCache: internal.observedCache });
// @ts-expect-error nor what a host gets
await compose(defaultConfig(), { application: internal.application });
// @ts-expect-error and a host's container knows Kith as Kith
export const kithName: (typeof services.clock)['id'] = kithService;
