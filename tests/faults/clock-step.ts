/** Runs before a server: at each SIGUSR2 its wall clock steps, five minutes forth and then back; monotonic time does not. */
import process from 'node:process';

const stepMs = 5 * 60_000;
let offsetMs = 0;
process.on('SIGUSR2', () => {
  offsetMs = offsetMs === 0 ? stepMs : 0;
});

const now = Date.now.bind(Date);
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now() + offsetMs] : args, newTarget),
  get: (target, name, receiver) =>
    name === 'now' ? () => now() + offsetMs : Reflect.get(target, name, receiver),
});
