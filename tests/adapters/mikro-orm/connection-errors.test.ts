import { createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StatementRefused, toCommitFault, toFault } from '../../../adapters/mikro-orm/faults.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { Fault } from '../../../domain/faults.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import { type FaultProxy, openFaultProxy } from '../../support/fault-proxy.ts';
import { userId } from '../../support/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { silentLog, untilReady } from './support.ts';

/** Classes of SQLSTATE that say something of the server, the connection or a transaction, and nothing of our statement. */
const classesOfServers = ['08', '28', '53', '55', '57', '58', '72', 'F0', 'XX'];
/** The same in other classes. */
const codesOfServers =
  '25006 25P03 25P04 26000 3D000 3F000 40000 40001 40003 40P01 42501 42703 42883 42P01 42P05'.split(' ');
/** Of those classes, what says something of our statement. */
const codesOfStatements = ['08P01'];
/** Every class that PostgreSQL has (manual, appendix A), beside those above. */
const classesOfStatements =
  `01 02 03 09 0A 0B 0F 0L 0P 0Z 20 21 22 23 24 25 27 2B 2D 2F 34 38 39 3B 42 44 54 HV P0`.split(' ');

const errorOf = (code: string, severity: string): Error =>
  Object.assign(new Error('canary'), { code, severity });

const inClass = fc.stringMatching(/^[0-9A-Z]{3}$/);
const characters = fc.stringMatching(/^[0-9A-Z]{5}$/).filter((code) => !/^E[A-Z]{4}$/.test(code));

describe('an error of the server', () => {
  it('for all codes of the classes that speak of the server: is a fault, and so 503', () => {
    fc.assert(
      fc.property(fc.constantFrom(...classesOfServers), inClass, (start, rest) => {
        const code = `${start}${rest}`;
        fc.pre(!codesOfStatements.includes(code));
        for (const fault of [toFault(errorOf(code, 'ERROR')), toCommitFault(errorOf(code, 'ERROR'))])
          expect(fault).toBeInstanceOf(Fault);
      }),
    );
    for (const code of codesOfServers) expect(toFault(errorOf(code, 'ERROR')), code).toBeInstanceOf(Fault);
  });

  it('for all codes that end the connection: is a fault, whatever a server or a pooler says', () => {
    fc.assert(
      fc.property(characters, fc.constantFrom('FATAL', 'PANIC'), (code, severity) => {
        for (const fault of [toFault(errorOf(code, severity)), toCommitFault(errorOf(code, severity))])
          expect(fault).toBeInstanceOf(Fault);
      }),
    );
  });

  it('is a mistake of ours in every other class, which an operator must see as one', () => {
    for (const start of classesOfStatements)
      expect(toFault(errorOf(`${start}000`, 'ERROR')), start).toBeInstanceOf(StatementRefused);
    for (const code of codesOfStatements)
      expect(toFault(errorOf(code, 'ERROR')), code).toBeInstanceOf(StatementRefused);
  });

  it('for all codes of sockets, TLS and DNS: is a fault, for nothing was answered', () => {
    const names = fc.constantFrom('E', 'ERR_TLS_', 'ERR_SSL_', 'CERT_', 'UNABLE_TO_');
    fc.assert(
      fc.property(names, fc.stringMatching(/^[A-Z_]{4,30}$/), (start, rest) => {
        expect(toFault(Object.assign(new Error('canary'), { code: `${start}${rest}` }))).toBeInstanceOf(
          Fault,
        );
      }),
    );
  });
});

/** A server that has nothing but these bytes for whoever comes. */
const openAnswering = async (answer: Uint8Array) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
};

const message = (type: string, body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
};

/** ErrorResponse (PostgreSQL manual, 55.7). */
const refusal = (severity: string, code: string): Buffer =>
  message('E', Buffer.from(`S${severity}\0VFATAL\0C${code}\0Mcanary\0\0`));

const authentication = (kind: number): Buffer => {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(kind);
  return message('R', body);
};

describe('a connection', () => {
  let server: TestDatabase;
  let proxy: FaultProxy;
  let database: Database;
  beforeAll(async () => {
    server = await createTestDatabase();
    proxy = await openFaultProxy({ host: server.address.host, port: server.address.port });
    const address = { ...server.address, host: '127.0.0.1', port: proxy.port };
    database = await openPostgres({ address }, silentLog);
    await untilReady(database);
  }, 30_000);
  afterAll(async () => {
    for (const each of [database, proxy, server]) await each[Symbol.asyncDispose]();
  });

  const ask = () => database.users.find({ kind: 'id', value: userId(1) });

  it.each([
    ['by a database that takes no connections', refusal('FATAL', '55000')],
    ['in another language', refusal('ВАЖНО', '55000')],
    ['by a trigger of log-ins', refusal('ERROR', 'P0001')],
    ['by a pooler that is full', refusal('FATAL', 'XX000')],
    ['by somebody who speaks something else', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['by a server that asks for GSSAPI', authentication(7)],
    ['by a server that asks for something unknown', authentication(99)],
    ['without a word', Buffer.alloc(0)],
  ])(
    'that is refused %s is a fault',
    async (_how, answer) => {
      await using answering = await openAnswering(answer);
      proxy.lead(answering.port);
      proxy.reset();
      for (let n = 0; n < 5; n++) await expect(ask()).rejects.toBeInstanceOf(Fault);
      proxy.lead(server.address.port);
      await untilReady(database);
    },
    30_000,
  );

  it('on which nonsense comes is a fault, and another one is made', async () => {
    proxy.set('corrupt');
    for (let n = 0; n < 5; n++) await expect(ask()).rejects.toBeInstanceOf(Fault);
    proxy.set('pass');
    await untilReady(database);
  }, 30_000);
});
