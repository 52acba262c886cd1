import process from 'node:process';
import { expect, it } from 'vitest';

it('runs the suite on the runtime that was asked for', () => {
  const asked = process.env['KITH_RUNTIME'] ?? 'node';
  expect('Deno' in globalThis ? 'deno' : 'node').toBe(asked);
  if (asked === 'node') expect(Number(process.versions.node.split('.')[0])).toBeGreaterThanOrEqual(24);
});
