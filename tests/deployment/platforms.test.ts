/** A start for each platform of docs/platforms.md, with the variables of its table and no others; and the files beside it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { variableNames } from '../../composition/config.ts';
import manifest from '../../package.json' with { type: 'json' };
import { watch } from '../support/canaries.ts';
import { createTestDatabase, urlOf } from '../support/postgres.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/platforms.md'), 'utf8');
const inDeno = 'Deno' in globalThis;

/** The variables of each section that has a table. */
const platforms: readonly (readonly [name: string, variables: Readonly<Record<string, string>>])[] = page
  .split(/^## /m)
  .slice(1)
  .map((section) => {
    const rows = [...section.matchAll(/^\| `(\w+)` \| `([^`]*)` \|/gm)];
    return [section.split('\n')[0] ?? '', Object.fromEntries(rows.map(([, name, value]) => [name, value]))];
  });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kith-platform-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Started = { readonly url: string; readonly database: string; readonly said: string };

/** Starts with an environment of its own, as `env -i` does, asks whether it is ready, and stops it. */
const start = async (variables: Readonly<Record<string, string>>): Promise<Started & { ready: number }> => {
  const given: Readonly<Record<string, string>> = {
    '<port>': '0',
    '<secret>': randomBytes(48).toString('base64'),
  };
  const env = Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, given[value] ?? value]),
  );
  const entry = join(root, 'cli/kith.js');
  const child = spawn(process.execPath, [...(inDeno ? ['run', '--allow-all'] : []), entry, 'start'], {
    cwd: directory,
    // Two servers on one machine cannot both have the default port.
    env: {
      OPS_PORT: 'off',
      ...env,
      ...(inDeno && { DENO_DIR: process.env['DENO_DIR'] ?? '', HOME: directory }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const see = watch('output of processes');
  let [out, said] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    see(text);
    said += text;
  });
  const closed = once(child, 'close');
  try {
    const line = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`it ended: ${said}${out}`)));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        see(text);
        out += text;
        const found = out.split('\n').find((each) => each.includes('"started"') && each.endsWith('}'));
        if (found !== undefined) resolve(found);
      });
    });
    const { url, database } = JSON.parse(line);
    const port = new URL(url).port;
    let ready = 0;
    await expect
      .poll(
        async () => {
          const response = await fetch(`http://127.0.0.1:${port}/health/ready`);
          await response.body?.cancel();
          ready = response.status;
          return ready;
        },
        { timeout: 30_000 },
      )
      .toBe(200);
    return { url, database, said, ready };
  } finally {
    process.kill(child.pid ?? 0, 'SIGTERM');
    await closed;
  }
};

describe('the page of platforms', () => {
  it('has a table for each', () => {
    expect(platforms.map(([name]) => name)).toEqual([
      ...['Railway', 'Render', 'Fly', 'Heroku', 'Kubernetes', 'systemd'],
    ]);
    for (const [name, variables] of platforms) expect(Object.keys(variables).length, name).toBeGreaterThan(4);
  });

  it.each(platforms)(
    '%s: it starts and is ready, and has nothing to complain of',
    async (_, variables) => {
      await using database = await createTestDatabase();
      const started = await start({ ...variables, DATABASE_URL: urlOf(database.address) });
      expect(started.database).toBe('postgres');
      expect(started.ready).toBe(200);
      expect(started.said.split('\n').filter((line) => line !== '')).toEqual([
        expect.stringContaining('kith: listening on'),
      ]);
      // Everybody has to reach it, but for a machine with a proxy of its own before it.
      expect(new URL(started.url).hostname).toBe(variables['HOST']?.replace('::', '[::]') ?? '127.0.0.1');
    },
    120_000,
  );

  it('is right that without HOST nobody reaches it, which the start says', async () => {
    const [, { HOST: _, ...variables } = {}] = platforms.find(([name]) => name === 'Render') ?? [];
    await using database = await createTestDatabase();
    const started = await start({ ...variables, DATABASE_URL: urlOf(database.address) });
    expect(started.said).toContain('[only-local]');
  }, 120_000);
});

describe('the example for Kubernetes', () => {
  const documents = parseAllDocuments(readFileSync(join(root, 'deploy/kubernetes.yaml'), 'utf8'));
  const [job, deployment, service] = documents.map((document) => document.toJS());

  it('is YAML of three objects, whose containers are of this version and know their variables', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect([job, deployment, service].map(({ kind }) => kind)).toEqual(['Job', 'Deployment', 'Service']);
    for (const { spec } of [job, deployment]) {
      expect(spec.template.spec.enableServiceLinks).toBe(false);
      for (const { image, env } of spec.template.spec.containers) {
        expect(image).toBe(`kith:${manifest.version}`);
        for (const { name } of env) expect(variableNames).toContain(name);
      }
    }
  });

  it('selects its own pods, probes what is there, and waits longer than Kith takes to stop', () => {
    const { selector, template } = deployment.spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(service.spec.selector).toEqual(selector.matchLabels);
    const [{ ports, readinessProbe, livenessProbe, lifecycle }] = template.spec.containers;
    expect(readinessProbe.httpGet).toEqual({ path: '/health/ready', port: 'http' });
    expect(livenessProbe.httpGet).toEqual({ path: '/health/live', port: 'http' });
    expect(ports.map(({ name }: { name: string }) => name)).toContain(service.spec.ports[0].targetPort);
    const waitSeconds = Number(lifecycle.preStop.exec.command[1]);
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(waitSeconds + 10);
  });
});

describe('the unit for systemd', () => {
  const text = readFileSync(join(root, 'deploy/kith.service'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const values = (key: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));

  it('has three sections of keys and values', () => {
    expect(lines.filter((line) => line.startsWith('['))).toEqual(['[Unit]', '[Service]', '[Install]']);
    for (const line of lines) expect(line).toMatch(/^(?:\[\w+\]|[A-Z]\w+=.*)$/);
  });

  it('starts what is there, and waits longer than Kith takes to stop', () => {
    const [command = ''] = values('ExecStart');
    expect(existsSync(join(root, command.split(' ').at(-2) ?? ''))).toBe(true);
    expect(command.split(' ').at(-1)).toBe('start');
    expect(Number(values('TimeoutStopSec')[0])).toBeGreaterThan(10);
    expect(values('RestartPreventExitStatus')).toEqual(['78']);
    for (const variable of values('Environment')) expect(variableNames).toContain(variable.split('=')[0]);
  });
});
