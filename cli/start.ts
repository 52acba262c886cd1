import { type Command, parseArguments } from './command.ts';

/** The process of composition/main.ts: it reads the environment, serves, and stops on signals. */
export const start: Command = {
  summary: 'start the server',
  help: `usage: kith start [--env <file>]

Serves the HTTP API on HOST:PORT (127.0.0.1:3000) and the operations listener on OPS_HOST:OPS_PORT (127.0.0.1:3001).
All configuration is in environment variables. Logs are JSON lines on standard output.

SIGTERM: not ready any more, then no new connections, then the end of what is under way, in at most 10 seconds.
Exit codes: 0 stopped by a signal, 1 could not start or crashed, 78 the configuration is refused, 2 not understood.
`,
  run: async (args) => {
    parseArguments(args, {});
    await import('../composition/main.ts');
    return undefined;
  },
};
