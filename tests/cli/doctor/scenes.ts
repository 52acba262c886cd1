import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Finding } from '../../../cli/doctor/finding.ts';
import type { FindingCode } from '../../../cli/doctor/finding-table.ts';
import { kith } from '../support.ts';

/** A machine on which the doctor finds these, among others. */
export type Scene = {
  readonly name: string;
  readonly codes: readonly FindingCode[];
  readonly examine: () => Promise<Report>;
};

export type Report = {
  readonly verdict: string;
  readonly findings: readonly Finding[];
  readonly out: string;
};

/** What `kith doctor` says as a process with these variables. */
export const doctorIn = async (environment: Readonly<Record<string, string>>): Promise<Report> => {
  const { code, out, err } = await kith(['doctor', '--json'], {
    JWT_SECRET: randomBytes(32).toString('base64url'),
    DATA_DIR: join(tmpdir(), `kith-none-${randomBytes(6).toString('hex')}`),
    ...environment,
  });
  if (out === '') throw new Error(`the doctor ended with ${code} and said: ${err}`);
  return { ...JSON.parse(out), out };
};
