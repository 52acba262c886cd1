import { type Command, json, parseArguments, table } from './command.ts';
import { connect, orRefused, serverHelp, serverOptions } from './server.ts';

/** What each tier holds for a user, without the keys and the values. */
export const explain: Command = {
  summary: 'what each tier of a running server holds for a user',
  help: `usage: kith explain <user> [options]

${serverHelp}
Prints one line for each record and tier: its state (value, absent, leased, fenced, unreadable, unavailable), the
version inside, the seconds left, and whether that instance would serve it, or why not (unproved, unchecked,
other-epoch, outdated); never a value. The memory is that of the instance that answers.
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

const heads = ['record', 'tier', 'state', 'version', 'left', 'believed'];

const rowsOf = (entries: unknown): readonly (readonly string[])[] =>
  (Array.isArray(entries) ? entries : []).map((entry: unknown) => {
    const { record, tier, state, version, ttl_ms: ttlMs, disbelief } = Object(entry);
    const left = typeof ttlMs === 'number' ? `${Math.ceil(ttlMs / 1000)} s` : '-';
    const believed = state === 'value' ? (disbelief == null ? 'yes' : `no: ${disbelief}`) : '-';
    return [String(record), String(tier), String(state), String(version ?? '-'), left, believed];
  });
