import { expect, it } from 'vitest';
import { parseRedisUrl } from '../../../adapters/redis/redis-url.ts';
import { Secret } from '../../../domain/secret.ts';

const addressOf = (url: string) => {
  const parsed = parseRedisUrl(url);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
};

it('is read into fields, decoded, with defaults for what it leaves out', () => {
  expect(addressOf('redis://cache')).toEqual({ host: 'cache', port: 6379, tls: false, db: 0 });
  const { password, ...rest } = addressOf('rediss://kith:p%40ss%2Fword@[::1]:6380/3?family=0');
  expect(rest).toEqual({ host: '::1', port: 6380, tls: true, db: 3, username: 'kith' });
  expect(password && Secret.reveal(password)).toBe('p@ss/word');
});

it.each([
  'cache',
  'redis:cache',
  'http://cache',
  'redis://',
  'redis://:hunter2@cache:0',
  'redis://:hunter2@cache/one',
  'redis://:hunter2@cache/0#hunter2',
  'redis://hunter2%ff@cache',
  'redis://:hunter2%ff@cache',
  undefined,
])('is refused, and not repeated, when it is %s', (url) => {
  const parsed = parseRedisUrl(url);
  expect(parsed.ok).toBe(false);
  expect(JSON.stringify(parsed)).not.toContain('hunter2');
});
