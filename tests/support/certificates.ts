import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of an authority of the tests' own, and of a server of the name `localhost` at 127.0.0.1. */
export type Certificates = { readonly caFile: string; readonly certFile: string; readonly keyFile: string };

export const makeCertificates = (folder: string): Certificates => {
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
  return { caFile: file('ca.pem'), certFile: file('server.pem'), keyFile: file('server.key') };
};
