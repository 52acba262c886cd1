import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Violation } from './facts.ts';

/** What the servers' own audits found (application/caching/audit.ts), by the lines of their logs; each once. */
export const staleAnswersIn = (logs: string): (() => Promise<readonly Violation[]>) => {
  const told = new Map<string, number>();
  return async () => {
    const violations: Violation[] = [];
    for (const file of (await readdir(logs)).filter((name) => name.endsWith('.log'))) {
      const text = await readFile(join(logs, file), 'utf8');
      const lines = text.split('\n').filter((line) => line.includes('"stale-answer"'));
      for (const line of lines.slice(told.get(file) ?? 0))
        violations.push({ kind: 'stale', text: `${file}: ${line}` });
      told.set(file, lines.length);
    }
    return violations;
  };
};
