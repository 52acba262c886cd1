import { type Command, json, parseArguments } from './command.ts';
import { connect, orRefused, serverHelp, serverOptions } from './server.ts';

export const invalidate: Command = {
  summary: 'drop everything that is cached of a user, on every instance',
  help: `usage: kith invalidate <user> [options]

${serverHelp}
Nobody needs this for correct answers. What cannot be dropped now, because Redis is away, is dropped as soon as it is back.
`,
  run: (args, terminal) => {
    const given = parseArguments(args, serverOptions, ['<user>']);
    return orRefused(given, terminal, async () => {
      const server = await connect(given, terminal);
      const id = await server.idOf(given.positionals[0] ?? '');
      await server.ask('DELETE', `/admin/cache/users/${id}`);
      terminal.out(
        given.has('json') ? json({ id, invalidated: true }) : `user ${id}: dropped in every tier\n`,
      );
      return 0;
    });
  },
};
