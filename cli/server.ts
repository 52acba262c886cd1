import { readFile } from 'node:fs/promises';
import type { ParseArgsOptionsConfig } from 'node:util';
import { type MessageCode, type MessageValues, messageOf, Told } from '../adapters/system/messages.ts';
import { parseEmail, parsePhone, parseUserId, parseUsernameKey } from '../domain/identifiers.ts';
import { type Arguments, type ExitCode, type Terminal, tellFailure, UsageError } from './command.ts';

/** The options of every command that asks a running server. */
export const serverOptions: ParseArgsOptionsConfig = {
  url: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'boolean' },
};

export const serverHelp = `<user> is an id, an email, a username, or a phone number with its +.

  --url <url>           the server, or KITH_URL; default http://127.0.0.1:3000
  --token-file <file>   an administrator's access token, or KITH_TOKEN
  --json                one line of JSON instead of text

A token is the access_token of POST /auth/login. It is not taken from the command line, which others can see.
Exit codes: 0 done, 1 there is no such user, or the server refused or did not answer, 2 not understood.
`;

/** A server that did not do what it was asked. The message holds no token. */
export class Refused extends Told {
  override readonly name = 'Refused';
}

const refused = <Code extends MessageCode>(code: Code, values: MessageValues[Code]): Refused =>
  new Refused(messageOf(code, values));
const urlRefused = (reason: string): UsageError => new UsageError(messageOf('url-refused', { reason }));
const tokenUnusable = (reason: string): UsageError => new UsageError(messageOf('token-unusable', { reason }));

export type Server = {
  /** The id of the user who goes by this; throws `Refused` if there is none. */
  readonly idOf: (user: string) => Promise<string>;
  /** The JSON of the answer; `undefined` if it has no body. */
  readonly ask: (method: string, path: string, body?: unknown) => Promise<unknown>;
};

const deadlineMs = 10_000;
const defaultUrl = 'http://127.0.0.1:3000';

export const connect = async (given: Arguments, { environment }: Terminal): Promise<Server> => {
  const base = parseBase(given.text('url') ?? environment['KITH_URL'] ?? defaultUrl);
  const token = await readToken(given.text('token-file'), environment['KITH_TOKEN']);
  const ask: Server['ask'] = async (method, path, body) => {
    const answer = await send(base, token, method, path, body);
    const text = await textOf(base, answer);
    if (!answer.ok) throw refused('server-refused', { status: answer.status, problem: codeIn(text) });
    return text === '' ? undefined : parse(base, text);
  };
  return {
    ask,
    idOf: async (user) => {
      const by = keyOf(user);
      if (by.field === 'ids') return by.value;
      // Past the caches: who looks what they hold must not fill them, and who drops a user must not meet a name of before.
      const found = await ask('POST', '/admin/users/lookup', { [by.field]: [by.value] });
      const id: unknown = Object(Object(found)['users']?.[0])['id'];
      if (typeof id !== 'string') throw refused('no-such-user', {});
      return id;
    },
  };
};

/** A person gives an id, an email, a phone or a username; no text is two of these. */
const keyOf = (user: string): { readonly field: string; readonly value: string } => {
  const kinds = [
    ['ids', parseUserId],
    ['emails', parseEmail],
    ['phones', parsePhone],
    ['usernames', parseUsernameKey],
  ] as const;
  for (const [field, parse] of kinds) {
    const parsed = parse(user);
    if (parsed.ok) return { field, value: parsed.value };
  }
  throw UsageError.of('<user> is none of: an id, an email, a username, a phone number with its +');
};

const parseBase = (text: string): URL => {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw urlRefused('the URL of the server is not one of http or https');
  if (url.username !== '' || url.password !== '')
    throw urlRefused('the URL of the server must hold no secret');
  return url;
};

const readToken = async (file: string | undefined, variable: string | undefined): Promise<string> => {
  const token = file === undefined ? variable : await readFile(file, 'utf8').catch(() => undefined);
  if (file !== undefined && token === undefined)
    throw tokenUnusable('the file of --token-file cannot be read');
  const trimmed = token?.trim() ?? '';
  if (trimmed === '') throw new UsageError(messageOf('token-missing', {}));
  // A header takes no other characters, and the error of fetch would repeat the token.
  if (!/^[\x21-\x7e]+$/.test(trimmed)) throw tokenUnusable('the token is not one');
  return trimmed;
};

const send = async (
  base: URL,
  token: string,
  method: string,
  path: string,
  body: unknown,
): Promise<Response> => {
  try {
    return await fetch(new URL(base.pathname.replace(/\/$/, '') + path, base), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'cache-control': 'no-cache',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
  } catch {
    throw refused('server-silent', base);
  }
};

const textOf = (base: URL, answer: Response): Promise<string> =>
  answer.text().catch(() => {
    throw refused('server-cut-off', base);
  });

const parse = (base: URL, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw refused('server-foreign', base);
  }
};

/** The code of a problem (RFC 9457); nothing else of the answer is shown. */
const codeIn = (text: string): string => {
  try {
    const code: unknown = Object(JSON.parse(text))['code'];
    return typeof code === 'string' && /^[a-z-]{1,40}$/.test(code) ? code : '';
  } catch {
    return '';
  }
};

/** Does the work; a refusal is printed, as JSON if `--json` was given, and becomes exit code 1. */
export const orRefused = async (
  given: Arguments,
  terminal: Terminal,
  work: () => Promise<ExitCode>,
): Promise<ExitCode> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return tellFailure(error.told, given.has('json'), terminal);
  }
};
