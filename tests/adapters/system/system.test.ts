import { describe, expect, it } from 'vitest';
import { describeError } from '../../../adapters/system/describe-error.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { jsonLog, type LogLevel } from '../../../adapters/system/log.ts';
import { steadyLog } from '../../../adapters/system/steady-log.ts';
import { parseUserId } from '../../../domain/identifiers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('the system ids', () => {
  it('are UUIDs of version 7 that rise, even within one millisecond', () => {
    const ids = Array.from({ length: 10_000 }, () => systemIds.uuid());
    expect(ids.every((id) => parseUserId(id).ok && id[14] === '7')).toBe(true);
    expect([...ids].sort()).toEqual(ids);
  });

  it('are tokens of 128 bits in 22 characters that never repeat', () => {
    const tokens = Array.from({ length: 10_000 }, () => systemIds.token());
    expect(tokens.every((token) => /^[\w-]{22}$/.test(token))).toBe(true);
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});

describe('the log', () => {
  const logged = (level: LogLevel = 'info') => {
    const lines: string[] = [];
    return { lines, log: jsonLog({ level, clock: new ManualClock(), write: (line) => lines.push(line) }) };
  };

  it('writes one JSON line an event, head first', () => {
    const { lines, log } = logged();
    log.info('started', { port: 3000, tls: false, note: null });
    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"info","event":"started","port":3000,"tls":false,"note":null}\n',
    ]);
  });

  it('keeps its head from fields and its lines from line feeds', () => {
    const { lines, log } = logged();
    log.warn('forged\n', { level: 'error', time: 'never', event: 'another', text: 'one\n{"level":"error"}' });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', event: 'forged\n' });
  });

  it('bounds every field, their number, and what is no primitive', () => {
    const { lines, log } = logged();
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, n) => [`field${n}`.repeat(1000), 'x'.repeat(1e6)]),
    );
    log.error('much'.repeat(10_000), many);
    expect(lines[0]?.length).toBeLessThan(100_000);
    log.info('object', JSON.parse('{"object":{"deep":"secret"}}'));
    expect(lines[1]).not.toContain('deep');
  });

  it.each<[LogLevel, string[]]>([
    ['debug', ['info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ])('at level %s writes %j', (level, expected) => {
    const { lines, log } = logged(level);
    log.info('event');
    log.warn('event');
    log.error('event');
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(expected);
  });
});

describe('a steady log', () => {
  it('writes what repeats in a fault a few times, then the last line of every five seconds with its count', async () => {
    const lines: unknown[] = [];
    const keep = (event: string, fields?: object) => void lines.push({ event, ...fields });
    const clock = new ManualClock();
    const log = steadyLog({ info: keep, warn: keep, error: keep }, clock);
    for (let n = 0; n < 100; n++) log.warn('lost', { n });
    log.info('another');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toEqual({ event: 'another' });
    await clock.advance(5000);
    expect(lines.slice(11)).toEqual([{ event: 'lost', n: 99, repeated: 90 }]);
    log.warn('lost', { n: 100 });
    expect(lines).toHaveLength(12);
    await clock.advance(5000);
    expect(lines.slice(12)).toEqual([{ event: 'lost', n: 100, repeated: 1 }]);
    // Quiet for long enough, it may speak freely again.
    await clock.advance(60_000);
    for (let n = 0; n < 10; n++) log.warn('lost');
    expect(lines).toHaveLength(23);
  });
});

describe('an error as it is logged', () => {
  it('keeps the class, the code and the place, and loses the message', () => {
    class DriverError extends Error {
      readonly code = 'ECONNREFUSED';
    }
    const error = new DriverError(
      'connect postgres://kith:hunter2@db/kith\n    at hunter2 (postgres://hunter2@h:1:2)',
    );
    const described = describeError(error);
    expect(described).toMatchObject({ error: 'DriverError', code: 'ECONNREFUSED' });
    expect(described['at']).toMatch(/system\.test\.ts/);
    expect(JSON.stringify(described)).not.toContain('hunter2');
  });

  it('says no more than the type of what is no error', () => {
    expect(describeError('hunter2')).toEqual({ error: 'string' });
  });
});
