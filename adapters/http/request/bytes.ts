import type { ServerRequest } from 'srvx';
import { fail, ok, type Result } from '../../../domain/result.ts';

/** The bytes of a body, or why there are none. */
export type Bytes = Result<Uint8Array, 'body-too-large' | 'incomplete-body'>;

/** How much of a refused web stream is still read, so that the client sees the answer instead of a reset. */
const maxDrainBytes = 1024 * 1024;

/**
 * The bytes of a body. They are counted as they arrive, since Content-Length may be absent or wrong. On node:http they
 * are read from Node's own stream. srvx would wrap it in a web stream, and that one cannot be cancelled safely: on Deno
 * 2.9 it throws where nobody can catch it, which ends the process; on Node it destroys the socket before the answer is
 * sent.
 */
export const readBytes = (request: ServerRequest, maxBytes: number): Promise<Bytes> => {
  const incoming = request.runtime?.node?.req;
  if (incoming !== undefined) return readNodeBytes(incoming, maxBytes);
  return request.body === null ? Promise.resolve(ok(new Uint8Array())) : readWebBytes(request.body, maxBytes);
};

/** What HTTP/1 and HTTP/2 requests of Node have in common. */
type NodeStream = {
  readonly destroyed: boolean;
  readonly readableEnded: boolean;
  on(event: string, listener: (chunk: Uint8Array) => void): unknown;
  off(event: string, listener: (chunk: Uint8Array) => void): unknown;
  resume(): unknown;
};

const readNodeBytes = (incoming: NodeStream, maxBytes: number): Promise<Bytes> =>
  new Promise((resolve) => {
    // A host has read the body before us, so no event will come.
    if (incoming.destroyed || incoming.readableEnded) return resolve(fail('incomplete-body'));
    const chunks: Uint8Array[] = [];
    let length = 0;
    const settle = (bytes: Bytes): void => {
      incoming.off('data', take);
      incoming.off('end', finish);
      incoming.off('close', breakOff);
      // The rest of the body is thrown away. The server's request timeout limits how long that takes.
      incoming.resume();
      resolve(bytes);
    };
    const take = (chunk: Uint8Array): void => {
      length += chunk.length;
      if (length > maxBytes) settle(fail('body-too-large'));
      else chunks.push(chunk);
    };
    const finish = (): void => settle(ok(concatenate(chunks, length)));
    const breakOff = (): void => settle(fail('incomplete-body'));
    // An error is followed by close; without a listener it would end the process, now or while the rest is drained.
    incoming.on('error', breakOff);
    incoming.on('close', breakOff);
    incoming.on('end', finish);
    incoming.on('data', take);
  });

const readWebBytes = async (body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Bytes> => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const reader = body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > maxBytes) {
        void drain(reader);
        return fail('body-too-large');
      }
      chunks.push(next.value);
    }
  } catch {
    return fail('incomplete-body');
  }
  return ok(concatenate(chunks, length));
};

const concatenate = (chunks: readonly Uint8Array[], length: number): Uint8Array => {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
};

/** Reads on for a while after the refusal: to cancel at once would break the connection before the answer is sent. */
const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> => {
  try {
    for (let left = maxDrainBytes; left > 0; ) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.length;
    }
    await reader.cancel();
  } catch {
    // The client is gone, so nobody waits for the answer any more.
  }
};
