import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { problem } from '../answer/problems.ts';
import type { Reply } from '../answer/reply.ts';
import { type Route, route } from '../route.ts';

/** Where a script or a style sheet is: `undefined` if the package that brings it is not installed. */
export type AssetFiles = { readonly [name: string]: URL | undefined };

type Asset = { readonly hash: string; readonly reply: Reply<never> };

const types: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

/**
 * The scripts and style sheets of a page, served from disk so that it needs no network. Each is read once, at the first
 * request that can, and its path carries a hash of what is in it, so browsers may keep it for ever and never keep an
 * old one.
 */
export class Assets {
  readonly #folder: string;
  readonly #files: AssetFiles;
  #read: Promise<ReadonlyMap<string, Asset>> | undefined;

  /** `folder` is the path that they are served under: `/docs/assets`. */
  constructor(folder: string, files: AssetFiles) {
    this.#folder = folder;
    this.#files = files;
  }

  /**
   * The path of each file by its name, relative to the page: without the slash in front. Files that cannot be read are
   * left out.
   */
  async paths(): Promise<ReadonlyMap<string, string>> {
    const folder = this.#folder.slice(1);
    return new Map([...(await this.#all())].map(([name, { hash }]) => [name, `${folder}/${hash}/${name}`]));
  }

  route(name: string, summary: string): Route {
    return route({
      method: 'GET',
      path: `${this.#folder}/{hash}/{name}`,
      name,
      summary,
      access: 'none',
      success: { status: 200, mediaType: 'text/javascript', description: 'A script or a style sheet.' },
      failures: ['not-found'],
      run: async ({ parameter }) => {
        const asset = (await this.#all()).get(parameter('name'));
        return asset?.hash === parameter('hash') ? asset.reply : problem('not-found');
      },
    });
  }

  async #all(): Promise<ReadonlyMap<string, Asset>> {
    this.#read ??= readAll(this.#files);
    const assets = await this.#read;
    const known = Object.values(this.#files).filter((url) => url !== undefined);
    // What could not be read just now (no file handle was free, or no network) is tried again by the next request.
    if (assets.size < known.length) this.#read = undefined;
    return assets;
  }
}

/** A file of a package that is installed beside us. Not by `import.meta.resolve`, which test runners on Deno lack. */
export const packageFile = (specifier: string): URL | undefined => {
  try {
    return pathToFileURL(createRequire(import.meta.url).resolve(specifier));
  } catch {
    return undefined;
  }
};

/** How long a file may take that is fetched over the network. */
const fetchMs = 3000;

const readAll = async (files: AssetFiles): Promise<ReadonlyMap<string, Asset>> => {
  const assets = await Promise.all(
    Object.entries(files).map(async ([name, url]) => {
      const text = url === undefined ? undefined : await readText(url).catch(() => undefined);
      return text === undefined ? [] : [[name, assetOf(name, text)] as const];
    }),
  );
  return new Map(assets.flat());
};

/** A module that was loaded over HTTPS, as Deno can, has its files there too. */
const readText = async (url: URL): Promise<string> =>
  url.protocol === 'file:' ? readFile(url, 'utf8') : fetchText(url);

const fetchText = async (url: URL): Promise<string> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(fetchMs) });
  if (!answer.ok) throw new Error(`a file of a package cannot be fetched: ${answer.status}`);
  return answer.text();
};

const assetOf = (name: string, text: string): Asset => ({
  hash: createHash('sha256').update(text).digest('hex').slice(0, 16),
  reply: {
    status: 200,
    isPublic: true,
    headers: [
      ['content-type', types[name.split('.').at(-1) ?? ''] ?? 'text/plain'],
      ['cache-control', 'public, max-age=31536000, immutable'],
    ],
    // As bytes, which all connections share: a thousand slow ones must not cost a thousand copies.
    body: new TextEncoder().encode(text),
  },
});
