import { registerRows } from './register.ts';
import { parts } from './table.ts';

registerRows('what is promised whatever fails', parts.promises);
