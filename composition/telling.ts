import { type Message, type MessageCode, messageOf } from '../adapters/system/messages.ts';
import type { Log } from '../domain/ports/runtime.ts';

/** A log that also tells a person why the database is not ready: the line of the log is for programs. */
export const telling = (log: Log, tell: (message: Message) => void): Log => ({
  ...log,
  warn: (event, fields) => {
    log.warn(event, fields);
    const { code, at, reason } = fields ?? {};
    if (event === 'database-not-ready' && isDatabaseCode(code))
      tell(messageOf(code, { at: String(at), reason: String(reason) }));
  },
});

const isDatabaseCode = (code: unknown): code is Extract<MessageCode, `database-${string}`> =>
  typeof code === 'string' && code.startsWith('database-');
