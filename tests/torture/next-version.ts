/**
 * Runs before a server, which is then as one version later would be that changed how values are written: the number of
 * every form, and that of the protocol in the list of instances, is one higher. Nothing else of a next version is known.
 */
import { registerHooks } from 'node:module';

const edits = [
  ['adapters/redis/entry.ts', '`V$' + '{schema}:`', '`V$' + '{schema + 1}:`'],
  ['adapters/mikro-orm/change-log-port.ts', 'const protocol = 1;', 'const protocol = 2;'],
] as const;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edit = edits.find(([file]) => url.endsWith(`/${file}`));
    if (edit === undefined) return loaded;
    const [file, before, after] = edit;
    const source = String(loaded.source);
    // The same version twice would prove nothing.
    if (!source.includes(before)) throw new Error(`${file} has changed: ${before} is not in it`);
    return { ...loaded, source: source.replace(before, after) };
  },
});
