import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openClient } from '../../../adapters/redis/client.ts';
import { examineRedis } from '../../../adapters/redis/examine.ts';
import { parseConfig } from '../../../composition/config.ts';
import { makeCertificates } from '../../support/certificates.ts';
import { freePort, openRedis } from '../../support/redis-server.ts';
import { removeFolder, temporaryFolder } from '../../torture/children.ts';

it('a Redis with a certificate of a private authority is trusted by REDIS_CA_FILE, and by nothing else', async () => {
  await using opened = new AsyncDisposableStack();
  const folder = temporaryFolder('redis-tls');
  opened.defer(() => removeFolder(folder));
  const { caFile, certFile, keyFile } = makeCertificates(folder);
  const tlsPort = await freePort();
  const certificates = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
  opened.use(await openRedis(['--tls-port', `${tlsPort}`, ...certificates, '--tls-auth-clients', 'no']));

  const locate = (more: Readonly<Record<string, string>>) => {
    const config = parseConfig({ REDIS_URL: `rediss://localhost:${tlsPort}`, ...more });
    if (!config.ok) return config.error.map(({ name }) => name);
    return config.value.redis?.location;
  };
  const trusting = locate({ REDIS_CA_FILE: caFile });
  if (trusting === undefined || Array.isArray(trusting) || !('host' in trusting) || 'token' in trusting)
    throw new Error('no address');
  expect(trusting.ca).toBe(await readFile(caFile, 'utf8'));
  expect(await examineRedis(trusting, 'kith:')).toMatchObject({ mode: 'standalone' });

  for (const address of [
    { ...trusting, ca: undefined },
    // Not for that name.
    { ...trusting, host: '127.0.0.2' },
  ]) {
    const client = openClient(address);
    client.on('error', () => undefined);
    await expect(client.connect()).rejects.toThrow();
    client.destroy();
  }

  const other = join(folder, 'other');
  writeFileSync(other, 'no certificate');
  for (const file of [other, join(folder, 'missing'), folder])
    expect(locate({ REDIS_CA_FILE: file })).toEqual(['REDIS_CA_FILE']);
}, 30_000);
