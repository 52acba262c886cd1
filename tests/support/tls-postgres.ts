import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../torture/children.ts';
import { openPostgresCluster, owner, type PostgresCluster } from '../torture/postgres-cluster.ts';
import { sql } from '../torture/sql.ts';
import { makeCertificates } from './certificates.ts';

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
  const { caFile, certFile, keyFile } = makeCertificates(folder);
  const hba = 'hostnossl all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n';
  writeFileSync(file('hba.conf'), hba);
  const { uid, gid } = owner();
  chmodSync(keyFile, 0o600);
  if (uid !== undefined && gid !== undefined) chownSync(keyFile, uid, gid);
  const cluster: PostgresCluster = opening.use(
    await openPostgresCluster({
      ssl: 'on',
      ssl_cert_file: certFile,
      ssl_key_file: keyFile,
      hba_file: file('hba.conf'),
      password_encryption: 'scram-sha-256',
    }),
  );
  const [user, password] = ['kith_far', 'a password of the tests'];
  await cluster.sql.run(sql.raw(`create role ${user} login superuser password '${password}'`));
  const opened = opening.move();
  return {
    port: cluster.port,
    caFile,
    user,
    password,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};
