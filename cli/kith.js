#!/usr/bin/env node
// The command `kith`. Plain JavaScript, because a Node that is too old cannot read TypeScript and would say so in other words;
// its one message is the row `needs-node` of adapters/system/messages.ts, which a test holds it to.
import process from 'node:process';

// scripts/pack.ts writes 22.18 here: built code runs on older ones.
const oldest = '24.0';

const [major, minor] = process.versions.node.split('.').map(Number);
const [oldestMajor, oldestMinor] = oldest.split('.').map(Number);
const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
if (!('Deno' in globalThis) && isOld) {
  process.stderr.write(
    `kith: needs Node 24 (or 22.18 for the package); this is ${process.versions.node}; install that one; in a clone \`npm ci --include=dev\` brings it [needs-node]\n`,
  );
  process.exit(78);
}

await import('./main.ts');
