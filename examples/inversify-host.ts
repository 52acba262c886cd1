/** A host with an Inversify container of its own, into which it loads Kith: `node inversify-host.ts`. */
import process from 'node:process';
import { Container, type ServiceIdentifier } from 'inversify';
import { type Application, configFrom, kithModule, services } from 'kith';

type Greeter = { greet(token: string): Promise<string> };
const greeter: ServiceIdentifier<Greeter> = Symbol('greeter');

const container = new Container();
await using kith = kithModule(configFrom({ LOG_LEVEL: 'silent', ...process.env }));
container.load(kith.module);
container
  .bind<Greeter>(greeter)
  .toResolvedValue(
    ({ authenticate }: Application): Greeter => ({
      greet: async (token) => {
        const caller = await authenticate(token);
        return caller.ok ? `Hello ${caller.value.value.username}` : `Who is it? (${caller.error.code})`;
      },
    }),
    [services.application],
  )
  .inSingletonScope();

// `compose` does this for you: without it nobody replays the journal, and Redis goes out of use after JOURNAL_BOUND_MS.
const replayer = await container.getAsync(services.replayer);
await replayer.start();

const { greet } = await container.getAsync<Greeter>(greeter);
console.log(await greet('not a token'));
