import { Buffer } from 'node:buffer';
import { v7 } from 'uuid';
import type { Ids } from '../../domain/ports/runtime.ts';

const tokenBytes = 16;

/** Names from the machine's source of chance. */
export const systemIds: Ids = {
  uuid: () => v7(),
  token: () => Buffer.from(crypto.getRandomValues(new Uint8Array(tokenBytes))).toString('base64url'),
};
