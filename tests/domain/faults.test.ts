import { expect, test } from 'vitest';
import { nameOfThrown, Overloaded } from '../../domain/faults.ts';

test('Whatever was thrown has a short name without its message', () => {
  class DriverError extends Error {}
  const named = [
    new Overloaded('canary'),
    new DriverError('canary'),
    'canary',
    undefined,
    { message: 'canary' },
  ];
  expect(named.map(nameOfThrown)).toEqual(['overloaded', 'DriverError', 'string', 'undefined', 'object']);
});
