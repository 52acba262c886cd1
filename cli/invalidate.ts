import { type Arguments, type Command, json, parseArguments, UsageError } from './command.ts';
import { connect, orRefused, serverHelp, serverOptions } from './server.ts';

const options = { ...serverOptions, contacts: { type: 'boolean' }, contact: { type: 'string' } } as const;

export const invalidate: Command = {
  summary: 'drop what is cached of a user, or of their contacts, on every instance',
  help: `usage: kith invalidate <user> [options]

  --contacts            only the contacts of the user, and the list of them
  --contact <id>        only this contact, and the list of them

${serverHelp}
Nobody needs this for correct answers. What cannot be dropped now, because Redis is away, is dropped as soon as it is back.
`,
  run: (args, terminal) => {
    const given = parseArguments(args, options, ['<user>']);
    const part = partOf(given);
    return orRefused(given, terminal, async () => {
      const server = await connect(given, terminal);
      const id = await server.idOf(given.positionals[0] ?? '');
      await server.ask('DELETE', `/admin/cache/users/${id}${part.path}`);
      terminal.out(
        given.has('json')
          ? json({ id, ...part.named, invalidated: true })
          : `${part.words}user ${id}: dropped in every tier\n`,
      );
      return 0;
    });
  },
};

const partOf = (given: Arguments) => {
  const contact = given.text('contact');
  if (contact === undefined)
    return given.has('contacts')
      ? { path: '/contacts', words: 'contacts of ', named: {} }
      : { path: '', words: '', named: {} };
  if (given.has('contacts')) throw UsageError.of('--contacts and --contact are one too many');
  const path = `/contacts/${encodeURIComponent(contact)}`;
  return { path, words: `contact ${contact} of `, named: { contact } };
};
