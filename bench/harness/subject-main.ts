/** A process that is measured: opens one subject and does what it is told, one command after the other. */
import process from 'node:process';
import { type Answer, cpuUs, type OpenSubject, type Settings } from './subject.ts';

type Message = { readonly command: string; readonly argument: number };

const [file = '', name = '', settings = '{}'] = process.argv.slice(2);
const module: Readonly<Record<string, OpenSubject>> = await import(
  new URL(`../subjects/${file}`, import.meta.url).href
);
const open = module[name];
if (open === undefined) throw new Error(`${file} has no subject ${name}`);
const subject = await open(JSON.parse(settings) as Settings);

process.on('message', async ({ command, argument }: Message) => {
  try {
    const work = subject[command];
    if (work === undefined) throw new Error(`${name} has no command ${command}`);
    const cpuBeforeUs = cpuUs();
    const value = await work(argument);
    process.send?.({ value, cpuBeforeUs, cpuAfterUs: cpuUs() } satisfies Answer);
  } catch (error) {
    process.send?.({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
