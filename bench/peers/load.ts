/**
 * The peers are packages of bench/peers alone, which are not installed where only Kith is tested or type-checked. So they
 * are imported by a name that the compiler does not follow, and given the few types that are used of them.
 */
export const load = async <T>(name: string): Promise<T> => (await import(name)) as T;

/** What every peer is made into: a look-up by id that loads what it does not have, and how to say that a row changed. */
export interface PeerCache extends AsyncDisposable {
  read(id: string): Promise<Row>;
  invalidate(id: string): Promise<void>;
}

/** A user as the peers keep one: plain JSON, with a version. */
export type Row = { readonly id: string; readonly version: number };

export type Load = (id: string) => Promise<Row>;

/** Makes a peer's cache of both tiers, as its documentation recommends for several processes, or of Redis alone. */
export type OpenPeer = (redisPort: number, load: Load) => Promise<PeerCache>;

/** As long as Kith keeps users by default. */
export const ttlMs = 300_000;
export const maxEntries = 10_000;

export const parseRow = (text: string): Row => JSON.parse(text) as Row;
