import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';

/** What the numbers were measured with. */
export type Machine = { readonly [what: string]: string };

const versionOf = (place: string, name: string): string => {
  try {
    const file = new URL(`${place}/node_modules/${name}/package.json`, import.meta.url);
    const { version }: { version?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
    return String(version);
  } catch {
    return 'not installed';
  }
};

const ours = ['lru-cache', 'redis', 'pg', 'h3', 'jose'];
const peers = ['bentocache', 'cacheable', 'cache-manager', 'keyv', 'better-auth'];

export const describeMachine = (): Machine => ({
  runtime:
    process.versions['deno'] === undefined
      ? `Node ${process.versions.node}`
      : `Deno ${process.versions['deno']}`,
  processor: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  date: new Date().toISOString().slice(0, 10),
  ...Object.fromEntries(ours.map((name) => [name, versionOf('../..', name)])),
  ...Object.fromEntries(peers.map((name) => [name, versionOf('../peers', name)])),
});
