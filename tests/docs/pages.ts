/** The documentation as data: its blocks of code, its links and the anchors that a link can name. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** A block between two fences, and what is to become of it. */
export type Block = {
  readonly page: string;
  /** Of the opening fence, counted from 1. */
  readonly line: number;
  /** The word behind the fence; `text` if there is none. */
  readonly language: string;
  readonly code: string;
  /** What the comment right above the block says, like `not run: why`. */
  readonly remark: string | undefined;
};

export type Link = {
  readonly page: string;
  readonly line: number;
  readonly target: string;
  /** The text in quotes behind the target: for a link to a test, the name of the test. */
  readonly title: string | undefined;
};

export type Page = {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
  readonly anchors: ReadonlySet<string>;
  /** What the server that its sessions talk to has beside the embedded database: `PostgreSQL`, `Redis`. */
  readonly server: string;
};

/** Every page: what lies at the top, in docs/ and in examples/. */
export const readPages = (): readonly Page[] =>
  ['', 'docs/', 'examples/', 'ops/'].flatMap((folder) => {
    try {
      const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
      return names.map((name) => readPage(`${folder}${name}`));
    } catch {
      return [];
    }
  });

export const readPage = (name: string, text: string = readFileSync(join(root, name), 'utf8')): Page => {
  const blocks: Block[] = [];
  const links: Link[] = [];
  const headings: string[] = [];
  let open:
    | { line: number; fence: string; language: string; lines: string[]; remark: string | undefined }
    | undefined;
  let remark: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', fence, info = ''] = /^(\s*)(`{3,})(.*)$/.exec(line) ?? [];
    if (open !== undefined) {
      if (fence === open.fence && info.trim() === '') {
        blocks.push({ page: name, ...open, code: `${open.lines.join('\n')}\n` });
        open = undefined;
      } else open.lines.push(line);
    } else if (fence !== undefined) {
      if (indent !== '') throw new Error(`${name}:${index + 1}: an indented fence is not read`);
      open = { line: index + 1, fence, language: info.trim() || 'text', lines: [], remark };
    } else {
      const heading = /^#{1,6} (.*?)\s*$/.exec(line)?.[1];
      if (heading !== undefined) headings.push(heading);
      const prose = line.replaceAll(/`[^`]*`/g, (code) => ' '.repeat(code.length));
      for (const [, target = '', title] of prose.matchAll(/\]\(([^)\s"]+)(?:\s+"([^"]*)")?\)/g))
        links.push({ page: name, line: index + 1, target, title });
    }
    // Holds for the very next block, with nothing but empty lines between.
    if (line.trim() !== '') remark = open === undefined ? /^<!-- (.*) -->$/.exec(line)?.[1] : undefined;
  }
  if (open !== undefined) throw new Error(`${name}:${open.line}: the block has no end`);
  const server = /^<!-- server: (.*) -->$/m.exec(text)?.[1] ?? '';
  return { name, text, blocks, links, anchors: anchorsOf(headings), server };
};

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces, and numbers for repetitions. */
const anchorsOf = (headings: readonly string[]): ReadonlySet<string> => {
  const seen = new Map<string, number>();
  return new Set(
    headings.map((heading) => {
      const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const slug = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
      const times = seen.get(slug) ?? 0;
      seen.set(slug, times + 1);
      return times === 0 ? slug : `${slug}-${times}`;
    }),
  );
};

/** A command of a `console` block, with the lines that it is said to print. */
export type Step = { readonly command: string; readonly expected: readonly string[] };

/** `$ ` begins a command; a backslash at the end of a line continues it; everything else is what it prints. */
export const stepsOf = ({ page, line, code }: Block): readonly Step[] => {
  const steps: { command: string; expected: string[] }[] = [];
  let isContinued = false;
  for (const text of code.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (isContinued && last !== undefined) last.command += `\n${text}`;
    else if (text.startsWith('$ ')) steps.push({ command: text.slice(2), expected: [] });
    else if (last === undefined) throw new Error(`${page}:${line}: the session begins with no command`);
    else last.expected.push(text);
    isContinued = (isContinued || text.startsWith('$ ')) && text.endsWith('\\');
  }
  return steps;
};

/** Whether lines are the expected ones, where `...` stands for any text, and alone on a line for any lines. */
export const matches = (expected: readonly string[], actual: string): boolean => {
  const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = expected
    .map((line) => (line.trim() === '...' ? '(?:.*\n)*?' : `${line.split('...').map(literal).join('.*')}\n`))
    .join('');
  const text = actual.replaceAll('\r', '').replace(/\n*$/, '');
  return new RegExp(`^${pattern}$`).test(text === '' ? '' : `${text}\n`);
};
