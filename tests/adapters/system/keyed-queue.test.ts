import { describe, expect, it } from 'vitest';
import { KeyedQueue } from '../../../adapters/system/keyed-queue.ts';
import { Overloaded } from '../../../domain/faults.ts';
import { gate } from '../../contracts/persistence-support.ts';

const limits = { maxRunning: 1, maxWaiting: 10, maxWaitMs: 1000, maxWaitingInAll: 100 };

describe('a queue for each key', () => {
  it('lets those of one key run one after the other, in order of arrival, and those of others meanwhile', async () => {
    const queue = new KeyedQueue(limits);
    const release = gate();
    const order: string[] = [];
    const say = (word: string) => async () => void order.push(word);
    const held = queue.run('a', () => release.passed);
    const later = [queue.run('a', say('a1')), queue.run('a', say('a2'))];
    await queue.run('b', say('b'));
    expect(order).toEqual(['b']);
    release.open();
    await Promise.all([held, ...later]);
    expect(order).toEqual(['b', 'a1', 'a2']);
  });

  it('turns away who would be one too many under a key, and nobody of another', async () => {
    const queue = new KeyedQueue({ ...limits, maxWaiting: 2 });
    const release = gate();
    const held = Array.from({ length: 3 }, () => queue.run('a', () => release.passed));
    await expect(queue.run('a', async () => 1)).rejects.toBeInstanceOf(Overloaded);
    expect(await queue.run('b', async () => 1)).toBe(1);
    release.open();
    await Promise.all(held);
  });

  it('turns away who has waited too long', async () => {
    const queue = new KeyedQueue({ ...limits, maxWaitMs: 20 });
    const release = gate();
    const held = queue.run('a', () => release.passed);
    await expect(queue.run('a', async () => 1)).rejects.toBeInstanceOf(Overloaded);
    expect(queue.load()).toEqual({ keys: 1, waiting: 0 });
    release.open();
    await held;
  });

  it('turns away who would wait when too many do under all keys, and nobody who need not wait', async () => {
    const queue = new KeyedQueue({ ...limits, maxWaitingInAll: 2 });
    const release = gate();
    const held = ['a', 'a', 'b', 'b'].map((key) => queue.run(key, () => release.passed));
    expect(queue.load()).toEqual({ keys: 2, waiting: 2 });
    await expect(queue.run('a', async () => 1)).rejects.toBeInstanceOf(Overloaded);
    expect(await queue.run('c', async () => 1)).toBe(1);
    release.open();
    await Promise.all(held);
    expect(queue.load()).toEqual({ keys: 0, waiting: 0 });
  });

  it('forgets a key whose last has left, also by throwing', async () => {
    const queue = new KeyedQueue(limits);
    for (let n = 0; n < 100; n++)
      await queue.run(`${n}`, () => Promise.reject(new Error('no'))).catch(() => undefined);
    expect(queue.load()).toEqual({ keys: 0, waiting: 0 });
  });
});
