import { type Command, json, parseArguments, table } from './command.ts';
import { connect, orRefused, serverHelp, serverOptions } from './server.ts';

/** What each tier holds for a user: keys of nobody, values of nobody. */
export const explain: Command = {
  summary: 'what each tier of a running server holds for a user',
  help: `usage: kith explain <user> [options]

${serverHelp}
Prints one line for each record and tier: its state (value, absent, leased, fenced, unreadable, unavailable), the
version inside and the seconds left; never a value. The memory is that of the instance that answers.
`,
  run: (args, terminal) => {
    const given = parseArguments(args, serverOptions, ['<user>']);
    return orRefused(given, terminal, async () => {
      const server = await connect(given, terminal);
      const id = await server.idOf(given.positionals[0] ?? '');
      const { entries } = Object(await server.ask('GET', `/admin/cache/users/${id}`));
      if (given.has('json')) terminal.out(json({ id, entries }));
      else terminal.out(`user ${id}\n\n${table([heads, ...rowsOf(entries)])}`);
      return 0;
    });
  },
};

const heads = ['record', 'tier', 'state', 'version', 'left'];

const rowsOf = (entries: unknown): readonly (readonly string[])[] =>
  (Array.isArray(entries) ? entries : []).map((entry: unknown) => {
    const { record, tier, state, version, ttl_ms: ttlMs } = Object(entry);
    const left = typeof ttlMs === 'number' ? `${Math.ceil(ttlMs / 1000)} s` : '-';
    return [String(record), String(tier), String(state), String(version ?? '-'), left];
  });
