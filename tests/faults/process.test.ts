import { registerRows } from './register.ts';
import { parts } from './table.ts';

registerRows('faults of the process', parts.process);
