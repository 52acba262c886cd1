import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { developmentSecret } from '../../composition/development-secret.ts';
import { isStrongSecret } from '../../composition/signing-secret.ts';
import { Secret } from '../../domain/secret.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'kith-secret-')), 'data');
});
afterEach(() => rm(join(directory, '..'), { recursive: true }));

const reveal = async (): Promise<string> => Secret.reveal(await developmentSecret(directory));
const path = (): string => join(directory, 'development-jwt-secret');

describe('the development secret', () => {
  it('is made once, strong, in a directory made for it, and kept', async () => {
    const secret = await reveal();
    expect(isStrongSecret(secret)).toBe(true);
    expect(await reveal()).toBe(secret);
    expect(await readdir(directory)).toEqual(['development-jwt-secret']);
  });

  it('is readable by its owner alone, also after somebody opened it up', async () => {
    await reveal();
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    await chmod(path(), 0o644);
    await reveal();
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it('is another in another directory', async () => {
    const secret = await reveal();
    directory = join(directory, '..', 'elsewhere');
    expect(await reveal()).not.toBe(secret);
  });

  it('is not replaced when it was damaged: that would sign everybody out in silence', async () => {
    await reveal();
    await writeFile(path(), 'damaged');
    await expect(reveal()).rejects.toThrow(/holds no usable secret/);
    await expect(reveal()).rejects.not.toThrow(/damaged/);
    expect(await readFile(path(), 'utf8')).toBe('damaged');
  });

  it('is the same for all who ask at once in one process', async () => {
    const secrets = await Promise.all(Array.from({ length: 50 }, reveal));
    expect(new Set(secrets).size).toBe(1);
    expect(await readdir(directory)).toEqual(['development-jwt-secret']);
  });

  it('is the same for all processes that start at once', async () => {
    const module = new URL('../../composition/development-secret.ts', import.meta.url).href;
    const domain = new URL('../../domain/secret.ts', import.meta.url).href;
    const script = `
      const { developmentSecret } = await import(${JSON.stringify(module)});
      const { Secret } = await import(${JSON.stringify(domain)});
      console.log(Secret.reveal(await developmentSecret(${JSON.stringify(directory)})));`;
    const file = join(directory, '..', 'start.mjs');
    await writeFile(file, script);
    const args = 'Deno' in globalThis ? ['run', '-A', file] : [file];
    const outputs = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
        return output.trim();
      }),
    );
    expect(new Set(outputs).size).toBe(1);
    expect(outputs[0]).toBe(await reveal());
  });
});
