import { describe, expect, it } from 'vitest';
import { DatabaseCircuit } from '../../../adapters/mikro-orm/circuit.ts';
import { NoneFree, ReadOnly, Unreachable } from '../../../adapters/mikro-orm/faults.ts';
import { DatabaseUnavailable, OutcomeUnknown, Overloaded, WriteConflict } from '../../../domain/faults.ts';
import { eventually, gate, pause } from '../../contracts/persistence-support.ts';
import { recordingLog } from './support.ts';

const open = () => {
  const log = recordingLog();
  let isUp = false;
  let probes = 0;
  let discarded = 0;
  const circuit = new DatabaseCircuit({
    probe: async () => {
      probes++;
      await pause(60);
      if (!isUp) throw new Error('timeout expired');
    },
    discardIdle: () => void discarded++,
    log,
  });
  const failWith = (error: Error) =>
    circuit
      .admit(() => Promise.reject(error))
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
  return {
    circuit,
    log,
    failWith,
    comeUp: () => {
      isUp = true;
    },
    counts: () => ({ probes, discarded }),
  };
};

const away = () => new Unreachable('the database did not answer (ECONNREFUSED)');

describe('the circuit around PostgreSQL', () => {
  it('opens when nobody was there three times in a row, and then asks nobody', async () => {
    const { circuit, failWith, counts } = open();
    for (let n = 0; n < 3; n++) expect(await failWith(away())).toBeInstanceOf(Unreachable);
    let asked = 0;
    const refused = circuit.admit(async () => void asked++);
    await expect(refused).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(asked).toBe(0);
    expect(counts().discarded).toBe(1);
    circuit[Symbol.dispose]();
  });

  it('stays closed while there are answers in between, also refusals', async () => {
    const { circuit, failWith } = open();
    const answers = [new WriteConflict(''), new Error('the database refused a statement (SQLSTATE 42601)')];
    for (const answer of answers) {
      await failWith(away());
      await failWith(new OutcomeUnknown(''));
      await failWith(answer);
    }
    await failWith(away());
    await failWith(away());
    await circuit.admit(async () => 1);
    await failWith(away());
    await failWith(away());
    expect(circuit.isOpen).toBe(false);
  });

  it('lets go of idle connections where nothing may be written, once a second: the primary may be elsewhere', async () => {
    const { circuit, failWith, counts } = open();
    for (let n = 0; n < 20; n++) await failWith(new ReadOnly('the database is unavailable (25006)'));
    expect(counts().discarded).toBe(1);
    expect(circuit.isOpen).toBe(false);
  });

  it('takes a full disk for no sign at all', async () => {
    const { circuit, failWith } = open();
    for (let n = 0; n < 20; n++)
      await failWith(new DatabaseUnavailable('the database is unavailable (53100)'));
    expect(circuit.isOpen).toBe(false);
  });

  it('takes a wait for a connection for a sign only if nobody was answered meanwhile', async () => {
    const { circuit } = open();
    const waitInVain = (meanwhile: () => void) =>
      circuit
        .admit(async () => {
          await pause(5);
          meanwhile();
          throw new NoneFree('');
        })
        .catch((error: unknown) => error);
    for (let n = 0; n < 10; n++)
      expect(await waitInVain(() => circuit.answered())).toBeInstanceOf(Overloaded);
    expect(circuit.isOpen).toBe(false);
    for (let n = 0; n < 3; n++) expect(await waitInVain(() => undefined)).toBeInstanceOf(DatabaseUnavailable);
    expect(circuit.isOpen).toBe(true);
    circuit[Symbol.dispose]();
  });

  it('closes by a probe in the background, and says when it opened, why, and when it closed', async () => {
    const { circuit, failWith, comeUp, log, counts } = open();
    for (let n = 0; n < 3; n++) await failWith(away());
    await eventually(() => counts().probes >= 2);
    expect(circuit.isOpen).toBe(true);
    comeUp();
    await eventually(() => !circuit.isOpen);
    expect(await circuit.admit(async () => 'answered')).toBe('answered');
    expect(log.lines[0]).toBe('database-out-of-use {"cause":"the database did not answer (ECONNREFUSED)"}');
    expect(log.lines.at(-1)).toMatch(/^database-in-use \{"afterMs":\d+\}$/);
  });

  it('is not opened by those who failed after it closed again, of an outage that is over', async () => {
    const { circuit, failWith, comeUp } = open();
    comeUp();
    const late = gate();
    const stragglers = Array.from({ length: 2 }, () =>
      circuit
        .admit(async () => {
          await late.passed;
          throw away();
        })
        .catch(() => undefined),
    );
    for (let n = 0; n < 3; n++) await failWith(away());
    await eventually(() => !circuit.isOpen);
    late.open();
    await Promise.all(stragglers);
    expect(circuit.isOpen).toBe(false);
  });
});
