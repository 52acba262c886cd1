/** A host with an Inversify container of its own, into which it loads Kith: `node inversify-host.ts`. */
import process from 'node:process';
import { configFrom, type Kith, kithModule, kithService } from '@kith/kith';
import { Container, type ServiceIdentifier } from 'inversify';

type Greeter = { greet(token: string): Promise<string> };
const greeter: ServiceIdentifier<Greeter> = Symbol('greeter');

const container = new Container();
const kith = kithModule(configFrom({ LOG_LEVEL: 'silent', ...process.env }));
container.load(kith);
container
  .bind<Greeter>(greeter)
  .toResolvedValue(
    ({ useCases }: Kith): Greeter => ({
      greet: async (token) => {
        const caller = await useCases.authenticate(token);
        return caller.ok ? `Hello ${caller.value.value.username}` : `Who is it? (${caller.error.code})`;
      },
    }),
    [kithService],
  )
  .inSingletonScope();

const { greet } = await container.getAsync<Greeter>(greeter);
console.log(await greet('not a token'));

// Closes Kith, and what it opened.
await container.unloadAsync(kith);
