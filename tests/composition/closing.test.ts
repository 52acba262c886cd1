import { expect, it } from 'vitest';
import { Closing } from '../../composition/closing.ts';

const recorded = () => {
  const closed: string[] = [];
  const resource = (name: string, error?: Error): AsyncDisposable => ({
    async [Symbol.asyncDispose]() {
      closed.push(name);
      if (error !== undefined) throw error;
    },
  });
  return { closed, resource };
};

it('closes in the opposite order of opening, each thing once', async () => {
  const { closed, resource } = recorded();
  const closing = new Closing();
  for (const name of ['first', 'second', 'third']) closing.use(resource(name));
  await closing[Symbol.asyncDispose]();
  await closing[Symbol.asyncDispose]();
  expect(closed).toEqual(['third', 'second', 'first']);
});

it('closes the rest when one fails, and then says what failed', async () => {
  const { closed, resource } = recorded();
  const one = new Closing();
  one.use(resource('first'));
  one.use(resource('second', new Error('stuck')));
  await expect(one[Symbol.asyncDispose]()).rejects.toThrow('stuck');
  expect(closed).toEqual(['second', 'first']);

  const several = new Closing();
  several.use(resource('first', new Error('a')));
  several.use(resource('second', new Error('b')));
  await expect(several[Symbol.asyncDispose]()).rejects.toThrow(AggregateError);
});

it('gives everything away by moving', async () => {
  const { closed, resource } = recorded();
  const closing = new Closing();
  closing.use(resource('first'));
  const moved = closing.move();
  await closing[Symbol.asyncDispose]();
  expect(closed).toEqual([]);
  await moved[Symbol.asyncDispose]();
  expect(closed).toEqual(['first']);
});
