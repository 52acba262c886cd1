import { Buffer } from 'node:buffer';
import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
// From plain `srvx` this would be the native Response on Deno, which spends time on a list of headers that nobody
// reads.
import { FastResponse } from 'srvx/node';
import type { HeaderList } from './headers.ts';

/**
 * A response that is a text, or nothing. On `node:http` it is written at once, while a response that is only known as a
 * stream takes three writes. If a host has looked at its headers it may have changed them: then it is written like
 * others.
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

  /** The same as a plain `Response` of the host, which may have replaced the class that this one extends. */
  static plain(answer: Response): Response {
    if (!(#text in answer)) return answer;
    return new Response(answer.#text, { status: answer.status, headers: answer.headers });
  }

  /** Writes the response if it is a `TextResponse` whose headers nobody looked at. Returns whether it did. */
  static write(answer: Response, response: ServerResponse): boolean {
    if (!(#text in answer) || answer.#isLookedAt || response.headersSent) return false;
    const text = answer.#text;
    const fields: string[] = [];
    for (const field of answer.#fields) fields.push(field[0], field[1]);
    const bytes = text === null ? 0 : Buffer.byteLength(text);
    if (text !== null) fields.push('content-length', `${bytes}`);
    response.writeHead(answer.status, fields);
    if (text instanceof Uint8Array) pipeline(Readable.from(pieces(text)), response, () => {});
    // A text with as many bytes as characters is ASCII. As Latin-1 it is the same bytes, and they are written faster.
    else response.end(text, text?.length === bytes ? 'latin1' : 'utf8');
    return true;
  }
}

const pieceBytes = 64 * 1024;

/** A large body in pieces, handed over as they are sent: Deno copies what it was given and cannot send yet. */
const pieces = function* (bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
};
