import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../torture/children.ts';
import { openPostgresCluster, owner, type PostgresCluster } from '../torture/postgres-cluster.ts';
import { sql } from '../torture/sql.ts';

/** A PostgreSQL that asks for TLS and SCRAM, with a certificate of an authority of its own, gone when disposed. */
export type TlsPostgres = AsyncDisposable & {
  readonly port: number;
  readonly caFile: string;
  readonly user: string;
  readonly password: string;
};

export const openTlsPostgres = async (): Promise<TlsPostgres> => {
  await using opening = new AsyncDisposableStack();
  const folder = temporaryFolder('tls');
  opening.defer(() => removeFolder(folder));
  chmodSync(folder, 0o755);
  const file = (name: string): string => join(folder, name);
  const openssl = (...values: string[]): void => {
    execFileSync('openssl', values, { stdio: 'ignore', cwd: folder });
  };
  const days = ['-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  openssl('req', '-x509', ...days, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Kith test authority');
  openssl('req', ...days.slice(2), '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
  writeFileSync(file('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signing);
  const hba = 'hostnossl all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n';
  writeFileSync(file('hba.conf'), hba);
  const { uid, gid } = owner();
  chmodSync(file('server.key'), 0o600);
  if (uid !== undefined && gid !== undefined) chownSync(file('server.key'), uid, gid);
  const cluster: PostgresCluster = opening.use(
    await openPostgresCluster({
      ssl: 'on',
      ssl_cert_file: file('server.pem'),
      ssl_key_file: file('server.key'),
      hba_file: file('hba.conf'),
      password_encryption: 'scram-sha-256',
    }),
  );
  const [user, password] = ['kith_far', 'a password of the tests'];
  await cluster.sql.run(sql.raw(`create role ${user} login superuser password '${password}'`));
  const opened = opening.move();
  return {
    port: cluster.port,
    caFile: file('ca.pem'),
    user,
    password,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
