import { registerRows } from './register.ts';
import { parts } from './table.ts';

registerRows('faults of Redis', parts.redis);
