import { expect, it } from 'vitest';
import { decodePart, hostOf } from '../../../adapters/system/address.ts';

it('Decodes a part of a URL, and says when that cannot be done', () => {
  expect(decodePart('p%40ss')).toBe('p@ss');
  expect(decodePart('100%')).toBeUndefined();
});

it('Takes the brackets of an IPv6 address off, and leaves other hosts as they are', () => {
  expect(hostOf(new URL('redis://[::1]:6379'))).toBe('::1');
  expect(hostOf(new URL('postgres://db.example.com/kith'))).toBe('db.example.com');
});
