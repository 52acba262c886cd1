import type { Cacheable } from '../../domain/ports/cache.ts';

/** Freezes a value all the way down: a cached value is shared by everybody who reads it, and never cloned. */
export const freeze = <V extends Cacheable>(value: V): V => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
};

/** A record's version, where it has one. */
export const versionOf = (value: Cacheable): number | null =>
  typeof value === 'object' && value !== null && 'version' in value && typeof value['version'] === 'number'
    ? value['version']
    : null;

/** A time to live with +-10 % of chance, so that what was filled together does not end together. `chance` is in [0, 1). */
export const jittered = (ttlMs: number, chance: number): number => ttlMs * (0.9 + 0.2 * chance);

/** Roughly what a value takes in memory: two bytes a character, and something for each member. */
export const sizeOf = (value: Cacheable): number => {
  if (typeof value === 'string') return 16 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 64;
  for (const part of Object.values(value)) bytes += 8 + sizeOf(part);
  return bytes;
};
