import { createHash } from 'node:crypto';

/**
 * The name under which a statement is prepared: of its text. Numbers would do on connections of one's own. Behind a pooler
 * that hands one connection to several clients, another statement might stand under the same number, and be run in the
 * place of this one.
 */
export const statementName = (text: string): string =>
  `kith-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
