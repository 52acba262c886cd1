import { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { FastResponse } from 'srvx/node';
import type { HeaderList } from './headers.ts';

/**
 * A response that is a text, or nothing. On `node:http` it is written in one go, where a response of which only a stream
 * is known takes three writes. A host that looks at its headers may have changed them: then it is a response like others.
 */
export class TextResponse extends FastResponse {
  readonly #text: string | Uint8Array<ArrayBuffer> | null;
  readonly #fields: HeaderList;
  #isLookedAt = false;

  constructor(text: string | Uint8Array<ArrayBuffer> | null, status: number, headers: HeaderList) {
    super(text, { status, headers: headers as [string, string][] });
    this.#text = text;
    this.#fields = headers;
  }

  override get headers(): Headers {
    this.#isLookedAt = true;
    return super.headers;
  }

  /** The same as the `Response` that a host knows, which may not be the one that this class was made of. */
  static plain(answer: Response): Response {
    if (!(#text in answer)) return answer;
    return new Response(answer.#text, { status: answer.status, headers: answer.headers });
  }

  /** Writes the response if it is one of these, untouched; whether it did. */
  static write(answer: Response, response: ServerResponse): boolean {
    if (!(#text in answer) || answer.#isLookedAt || response.headersSent) return false;
    const text = answer.#text;
    const fields: string[] = [];
    for (const field of answer.#fields) fields.push(field[0], field[1]);
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    if (text !== null) fields.push('content-length', `${bytes}`);
    response.writeHead(answer.status, fields);
    if (text instanceof Uint8Array) pipeline(Readable.from(pieces(text)), response, () => {});
    // A text of as many bytes as characters is ASCII, which is the same in Latin-1, and costs less to write as that.
    else response.end(text, text?.length === bytes ? 'latin1' : 'utf8');
    return true;
  }
}

const pieceBytes = 64 * 1024;

/** A large body as its reader takes it: Deno keeps a copy of what it was given and could not send yet. */
const pieces = function* (bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
};
