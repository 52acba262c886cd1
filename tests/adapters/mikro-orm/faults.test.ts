import { describe, expect, it } from 'vitest';
import { isWorthAnotherTry, toCommitFault, toFault } from '../../../adapters/mikro-orm/faults.ts';
import { parseContact } from '../../../adapters/mikro-orm/tables/contacts.ts';
import { parseUser } from '../../../adapters/mikro-orm/tables/users.ts';
import { describeError } from '../../../adapters/system/describe-error.ts';
import {
  DatabaseSilent,
  DatabaseUnavailable,
  Fault,
  OutcomeUnknown,
  Overloaded,
  WriteConflict,
} from '../../../domain/faults.ts';

const driverError = (code: string | undefined, message = 'canary', more: object = {}): Error =>
  Object.assign(new Error(message), {
    code,
    detail: 'canary',
    query: 'canary',
    constraint: 'canary',
    ...more,
  });
const stalePlan = driverError('0A000', 'canary', { routine: 'RevalidateCachedQuery' });
const poolersEnd = driverError('08P01', 'canary', { severity: 'FATAL' });

describe('an error of the database', () => {
  it('that refused a statement has its SQLSTATE where a log may have it, and nothing else', () => {
    // A column of somebody else's that wants a value.
    const described = describeError(toFault(driverError('23502')));
    expect(described).toMatchObject({ error: 'StatementRefused', code: '23502' });
    expect(JSON.stringify(described)).not.toContain('canary');
  });

  const outages =
    `08000 08001 08003 08006 57P01 57P02 57P03 57P05 57014 53100 53200 53300 25006 25P03 25P04 58030
    28P01 3D000 42P01 42703 42501 ECONNREFUSED ECONNRESET ENOTFOUND EPIPE ETIMEDOUT EAI_AGAIN
    ERR_TLS_CERT_ALTNAME_INVALID`.split(/\s+/);

  it('is an outage when the database is away, full, starting, read-only or behind', () => {
    for (const code of outages) expect(toFault(driverError(code)), code).toBeInstanceOf(DatabaseUnavailable);
    expect(toFault(driverError(undefined, 'Query read timeout'))).toBeInstanceOf(DatabaseUnavailable);
    expect(toFault('thrown by a driver')).toBeInstanceOf(DatabaseUnavailable);
  });

  it('is a conflict when the transaction lost against another', () => {
    for (const code of ['40001', '40P01']) expect(toFault(driverError(code))).toBeInstanceOf(WriteConflict);
  });

  it('is no outage when a lock is held: there is too much to do', () => {
    expect(toFault(driverError('55P03'))).toBeInstanceOf(Overloaded);
  });

  it('is a mistake of ours when the statement was wrong, and no fault', () => {
    for (const code of ['08P01', '22P02', '22001', '23502', '23503', '23514', '42601', '25P02']) {
      expect(toFault(driverError(code)), code).not.toBeInstanceOf(Fault);
    }
    expect(toFault(new TypeError('canary'))).not.toBeInstanceOf(Fault);
  });

  it('leaves the outcome of COMMIT open unless the server said that it rolled back', () => {
    for (const code of ['08006', '57P01', '40003', '58030', 'ECONNRESET', undefined]) {
      expect(toCommitFault(driverError(code)), code).toBeInstanceOf(OutcomeUnknown);
    }
    expect(toCommitFault(driverError('40001'))).toBeInstanceOf(WriteConflict);
    expect(toCommitFault(driverError('53100'))).toBeInstanceOf(DatabaseUnavailable);
    expect(toCommitFault(driverError('23505'))).not.toBeInstanceOf(Fault);
  });

  it('is worth a second attempt only when the connection was dead', () => {
    for (const code of [
      '57P01',
      '57P02',
      '57P03',
      '57P05',
      '08000',
      '08003',
      '08006',
      'ECONNRESET',
      'ECONNREFUSED',
    ]) {
      expect(isWorthAnotherTry(driverError(code)), code).toBe(true);
    }
    for (const code of ['08P01', '57014', '53300', '40001', '22001', '23505', '42P01', 'ENOTFOUND']) {
      expect(isWorthAnotherTry(driverError(code)), code).toBe(false);
    }
    expect(isWorthAnotherTry(driverError(undefined, 'Query read timeout'))).toBe(false);
    expect(isWorthAnotherTry(driverError(undefined, 'Connection terminated unexpectedly'))).toBe(true);
  });

  it('is worth a second attempt, and a conflict in a transaction, where a prepared statement is out of date', () => {
    for (const error of [stalePlan, driverError('26000'), driverError('42P05')]) {
      expect(isWorthAnotherTry(error)).toBe(true);
      expect(toFault(error)).toBeInstanceOf(WriteConflict);
    }
    // What is not supported at all has the same code.
    expect(isWorthAnotherTry(driverError('0A000'))).toBe(false);
  });

  it('is silence where a pooler says that its server died, and a mistake of ours where a statement is answered so', () => {
    expect(toFault(poolersEnd)).toBeInstanceOf(DatabaseSilent);
    expect(toCommitFault(poolersEnd)).toBeInstanceOf(OutcomeUnknown);
    expect(isWorthAnotherTry(poolersEnd)).toBe(true);
    expect(toFault(driverError('08P01', 'canary', { severity: 'ERROR' }))).not.toBeInstanceOf(Fault);
  });

  it('tells a certificate that nobody trusts, a port without TLS and a refused port apart', () => {
    const said = [
      driverError('SELF_SIGNED_CERT_IN_CHAIN'),
      driverError(undefined, 'The server does not support SSL connections'),
      driverError('ECONNREFUSED'),
    ].map((error) => /\((.*):/.exec(toFault(error).message)?.[1]);
    expect(said).toEqual(['untrusted certificate', 'no TLS', 'refused']);
  });

  it('stays what it is when it is a fault already', () => {
    const fault = new Overloaded('full');
    expect(toFault(fault)).toBe(fault);
  });

  it('hands nothing of the driver’s on', () => {
    for (const code of [...outages, '40001', '22001', '23505', 'XX000']) {
      for (const fault of [toFault(driverError(code)), toCommitFault(driverError(code))]) {
        expect(`${fault.message} ${JSON.stringify(fault)} ${String(fault.cause)}`).not.toContain('canary');
      }
    }
    expect(toFault(driverError(undefined)).message).not.toContain('canary');
  });
});

describe('a row that is not ours', () => {
  it('is an error that names the column and no value', () => {
    const row = { id: '01900000-0000-7000-8001-000000000001', email: 'canary', username: 'canary' };
    expect(() => parseUser(row)).toThrow('a row of users has a phone that cannot be read');
    expect(() => parseUser(undefined)).toThrow('a row of users is missing');
    expect(() => parseContact({ id: 'canary' })).toThrow(
      'a row of contacts has a user_id that cannot be read',
    );
  });
});
