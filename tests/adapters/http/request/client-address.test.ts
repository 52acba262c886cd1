import { describe, expect, it } from 'vitest';
import {
  canonicalAddress,
  createOriginOf,
  networkOf,
} from '../../../../adapters/http/request/client-address.ts';

const originOf = (ip: string | undefined, forwarded?: string, trusted: readonly string[] = []) =>
  createOriginOf(trusted)(
    Object.assign(
      new Request('http://kith.test/', {
        headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
      }),
      ip === undefined ? {} : { ip },
    ),
  );

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:201', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
  ])('%s has one form: %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    'localhost',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01.1',
    '0x7f.1',
    '2130706433',
    ':::',
    '[192.0.2.1',
    '1.2.3.4, 5.6.7.8',
    '2001:db8::1]',
    '<script>',
  ])('%j is none', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('counts as the network that one customer has: IPv6 by /64', () => {
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8:1:2::6')).toBe('2001:db8:1:2::/64');
    expect(networkOf('2001:db8::6')).toBe('2001:db8:0:0::/64');
    expect(networkOf('::1')).toBe('0:0:0:0::/64');
    expect(networkOf('2001:db8:1:3::6')).not.toBe(networkOf('2001:db8:1:2::6'));
  });
});

describe('the origin of a request', () => {
  it('is the address of the connection, whatever the client says, unless a proxy is trusted', () => {
    expect(originOf('192.0.2.1', '10.0.0.1')).toBe('192.0.2.1');
    expect(originOf('192.0.2.1', '10.0.0.1', ['198.51.100.0/24'])).toBe('192.0.2.1');
    expect(originOf(undefined, '10.0.0.1', ['0.0.0.0/0', '::/0'])).toBeUndefined();
  });

  it('is what the last trusted proxy saw: what the client put in front does not count', () => {
    const trusted = ['10.0.0.0/8', '2001:db8:ffff::/48', '198.51.100.7'];
    expect(originOf('10.0.0.1', '192.0.2.1', trusted)).toBe('192.0.2.1');
    expect(originOf('10.0.0.1', '203.0.113.5, 192.0.2.1', trusted)).toBe('192.0.2.1');
    expect(originOf('10.0.0.1', '203.0.113.5,192.0.2.1 , 198.51.100.7', trusted)).toBe('192.0.2.1');
    expect(originOf('::ffff:10.0.0.1', '192.0.2.1', trusted)).toBe('192.0.2.1');
    expect(originOf('2001:db8:ffff::9', '2001:db8:1:2:3:4:5:6', trusted)).toBe('2001:db8:1:2::/64');
    expect(originOf('10.0.0.1', '[2001:db8:1:2::9]:1234', trusted)).toBe('2001:db8:1:2::/64');
  });

  it('is a trusted proxy itself where there is nothing better', () => {
    const trusted = ['10.0.0.0/8'];
    expect(originOf('10.0.0.1', undefined, trusted)).toBe('10.0.0.1');
    expect(originOf('10.0.0.1', '', trusted)).toBe('10.0.0.1');
    expect(originOf('10.0.0.1', 'unknown', trusted)).toBe('10.0.0.1');
    expect(originOf('10.0.0.1', '192.0.2.1, garbage, 10.0.0.2', trusted)).toBe('10.0.0.2');
    expect(originOf('10.0.0.1', '10.0.0.3, 10.0.0.2', trusted)).toBe('10.0.0.3');
    expect(originOf('10.0.0.1', '192.0.2.1,'.repeat(1000), trusted)).toBe('10.0.0.1');
  });

  it('knows ranges however they are written', () => {
    expect(originOf('::ffff:10.1.2.3', '192.0.2.1', ['::ffff:10.0.0.0/104'])).toBe('192.0.2.1');
    expect(originOf('10.1.2.3', '192.0.2.1', ['10.1.2.3'])).toBe('192.0.2.1');
    expect(originOf('10.1.2.4', '192.0.2.1', ['10.1.2.3'])).toBe('10.1.2.4');
  });
});
