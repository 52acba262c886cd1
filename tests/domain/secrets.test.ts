import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jsonLog } from '../../adapters/system/log.ts';
import { Secret } from '../../domain/secret.ts';
import { ManualClock } from '../support/manual-clock.ts';

const text = 'correct horse battery staple';
const secret: Secret<'password'> = new Secret(text);
const holders: readonly unknown[] = [
  secret,
  { secret },
  [secret],
  new Map([['secret', secret]]),
  new Set([secret]),
];

describe('a secret', () => {
  it('is revealed to whoever asks for it by name, and to nobody else', () => {
    expect(Secret.reveal(secret)).toBe(text);
    expect(Reflect.ownKeys(secret)).toEqual([]);
    expect(Object.values(secret)).toEqual([]);
    expect({ ...secret }).toEqual({});
    expect(Object.entries(Object.getOwnPropertyDescriptors(secret))).toEqual([]);
  });

  it('prints as [secret], whatever prints it', () => {
    expect(`${secret}`).toBe('[secret]');
    expect(String(secret)).toBe('[secret]');
    expect(`${[secret]}`).toBe('[secret]');
    expect(inspect(secret)).toBe('[secret]');
    expect(format('%s %o %O %j', secret, secret, secret, 'x')).not.toContain(text);
    for (const holder of holders) {
      expect(inspect(holder, { depth: Infinity, showHidden: true, customInspect: true })).toContain(
        '[secret]',
      );
      // Without the custom form nothing is left to see: the text is in a private field.
      expect(inspect(holder, { depth: Infinity, showHidden: true, customInspect: false })).not.toContain(
        text,
      );
    }
  });

  it('prints as [secret] by the inspection of Deno too', () => {
    const deno: unknown = Reflect.get(globalThis, 'Deno');
    const inspectByDeno: unknown =
      deno === undefined ? () => '[secret]' : Reflect.get(Object(deno), 'inspect');
    if (typeof inspectByDeno !== 'function') throw new TypeError('Deno.inspect was expected');
    expect(inspectByDeno({ secret })).toContain('[secret]');
    expect(inspectByDeno({ secret })).not.toContain(text);
  });

  it('does not get out by the console or by a crash, in a process of its own', () => {
    const module = new URL('../../domain/secret.ts', import.meta.url).href;
    const script = `
      const { Secret } = await import(${JSON.stringify(module)});
      const secret = new Secret(${JSON.stringify(text.split(' '))}.join(' '));
      for (const holder of [secret, { secret }, [secret], new Map([['secret', secret]]), new Set([secret])]) {
        for (const print of ['log', 'error', 'dir', 'table', 'trace']) console[print](holder);
      }
      throw Object.assign(new Error('crash ' + secret, { cause: { secret } }), { secret });`;
    const args = 'Deno' in globalThis ? ['eval', script] : ['--input-type=module', '--eval', script];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('crash [secret]');
    expect(stdout + stderr).not.toContain(text);
  });

  it('is an exception when it is serialised, alone or deep inside', () => {
    for (const holder of [secret, { secret }, [secret], { deep: { er: [{ secret }] } }]) {
      expect(() => JSON.stringify(holder)).toThrow(TypeError);
      expect(() => JSON.stringify(holder)).not.toThrow(text);
    }
  });

  it('cannot be cloned into something readable', () => {
    for (const holder of holders) {
      const clone = structuredClone(holder);
      expect(inspect(clone, { depth: Infinity, showHidden: true, customInspect: false })).not.toContain(text);
      expect(JSON.stringify(clone)).not.toContain(text);
    }
  });

  it('is not in the message of a failed assertion', () => {
    for (const assertion of [
      () => expect(secret).toBe('another text'),
      () => expect({ secret }).toEqual({ secret: 'another text' }),
      () => expect([secret]).toContain('another text'),
    ]) {
      expect(assertion).toThrow();
      expect(assertion).not.toThrow(text);
    }
  });

  it('does not get into the log, even past the types', () => {
    const lines: string[] = [];
    const log = jsonLog({ level: 'info', clock: new ManualClock(), write: (line) => lines.push(line) });
    log.info('event', Object({ secret, holder: { secret }, list: [secret], text: `${secret}` }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain(text);
  });
});
