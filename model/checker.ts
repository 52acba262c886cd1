/**
 * Checks every state that a model can reach, breadth first. All states are stored whole, nothing is left out and none
 * are taken for equal, so "complete" means that the whole graph was visited; and since it goes breadth first, the trace
 * of a violation is a shortest one.
 */
import type { Bytes } from './record.ts';

/** Offers one step: who does what, and how the state changes. `change` is called at once. */
export type Take<World> = (who: string, what: string, change: (next: World) => void) => void;

export type Model<World> = {
  /** The bytes of a state. */
  readonly size: number;
  /** A view of a state in these bytes; writing to it changes them. */
  view(bytes: Bytes): World;
  /** Offers each state in which the world may begin, from a state of zeros. */
  begin(add: (change: (first: World) => void) => void): void;
  /** Offers every step that is possible now. It must not change `now`. */
  steps(now: World, take: Take<World>): void;
  /** What is wrong in this state, if anything is. */
  wrong(now: World): string | undefined;
  /** The state in a line, for traces. */
  show(now: World): string;
};

export type Result = {
  /** complete: no violation in any reachable state. bounded: none so far, but the limit ended the search. */
  readonly verdict: 'complete' | 'bounded' | 'refuted';
  readonly states: number;
  /** How many steps lie between the beginning and the last state that was looked at. */
  readonly depth: number;
  readonly ms: number;
  readonly wrong?: string;
  /** The beginning and each step of a shortest way to the violation; empty if there is none. */
  readonly trace: readonly string[];
};

const defaultLimit = 4_000_000;

/**
 * Looks at every reachable state until one is wrong or `limit` states are stored. A model without a beginning, or in
 * which nothing can happen, is an error: it would hold everything.
 */
export const check = <World>(model: Model<World>, limit: number = defaultLimit): Result => {
  const startedAt = performance.now();
  const store = new StateStore(model.size);
  const current = new Scratch(model);
  const next = new Scratch(model);
  let violation: { readonly index: number; readonly wrong: string } | undefined;
  let steps = 0;

  const add = (parent: number): void => {
    const index = store.add(next.words, parent);
    if (index < 0 || violation !== undefined) return;
    const wrong = model.wrong(next.world);
    if (wrong !== undefined) violation = { index, wrong };
  };
  model.begin((change) => {
    next.words.fill(0);
    change(next.world);
    add(-1);
  });
  if (store.count === 0) throw new Error('the model has no beginning');

  let index = 0;
  const take: Take<World> = (_who, _what, change) => {
    steps++;
    next.words.set(current.words);
    change(next.world);
    add(index);
  };
  let depth = 0;
  let endOfLevel = store.count;
  for (; index < store.count && violation === undefined && store.count <= limit; index++) {
    if (index === endOfLevel) {
      depth++;
      endOfLevel = store.count;
      if (steps === 0) break;
    }
    store.read(index, current.words);
    model.steps(current.world, take);
  }
  if (steps === 0 && violation === undefined) throw new Error('nothing can happen in the model');

  const result = { states: store.count, ms: performance.now() - startedAt };
  if (violation !== undefined) {
    const trace = traceTo(model, store, violation.index);
    return { ...result, verdict: 'refuted', depth: trace.length - 1, wrong: violation.wrong, trace };
  }
  return { ...result, verdict: index < store.count ? 'bounded' : 'complete', depth, trace: [] };
};

/** The way to a state, told by finding for each pair of states the step that leads from one to the other. */
const traceTo = <World>(model: Model<World>, store: StateStore, last: number): readonly string[] => {
  const way: number[] = [];
  for (let index = last; index >= 0; index = store.parentOf(index)) way.unshift(index);
  const before = new Scratch(model);
  const after = new Scratch(model);
  const tried = new Scratch(model);
  return way.map((index, position) => {
    store.read(index, after.words);
    const shown = model.show(after.world);
    const previous = way[position - 1];
    if (previous === undefined) return `beginning | ${shown}`;
    store.read(previous, before.words);
    let told: string | undefined;
    model.steps(before.world, (who, what, change) => {
      if (told !== undefined) return;
      tried.words.set(before.words);
      change(tried.world);
      if (tried.words.every((word, i) => word === after.words[i])) told = `${who}: ${what}`;
    });
    return `${told ?? 'unknown step'} | ${shown}`;
  });
};

/** One state to work on: the same bytes as words, for the store, and as a world, for the model. */
class Scratch<World> {
  readonly words: Int32Array;
  readonly world: World;
  constructor(model: Model<World>) {
    const buffer = new ArrayBuffer(Math.ceil(model.size / 4) * 4);
    this.words = new Int32Array(buffer);
    this.world = model.view(new Uint8Array(buffer));
  }
}

const pageBits = 14;
const statesOfPage = 1 << pageBits;

/** Stores states whole, each once, in the order of their arrival, with the one that they were first reached from. */
class StateStore {
  count = 0;
  readonly #words: number;
  readonly #pages: Int32Array[] = [];
  #parents = new Int32Array(statesOfPage);
  /** Open addressing: the number of a state plus 1, at its hash or the next free place. */
  #table = new Int32Array(1 << 16);

  constructor(sizeBytes: number) {
    this.#words = Math.ceil(sizeBytes / 4);
  }

  /** The number of a state that was not known, or -1. */
  add(state: Int32Array, parent: number): number {
    const mask = this.#table.length - 1;
    let place = hashOf(state) & mask;
    for (let entry = this.#table[place] ?? 0; entry !== 0; entry = this.#table[place] ?? 0) {
      if (this.#equals(entry - 1, state)) return -1;
      place = (place + 1) & mask;
    }
    const index = this.count++;
    if (index % statesOfPage === 0) this.#pages.push(new Int32Array(this.#words * statesOfPage));
    this.#pages[index >>> pageBits]?.set(state, (index % statesOfPage) * this.#words);
    if (index >= this.#parents.length) this.#parents = grown(this.#parents);
    this.#parents[index] = parent;
    this.#table[place] = index + 1;
    if (this.count * 2 > this.#table.length) this.#rehash();
    return index;
  }

  read(index: number, into: Int32Array): void {
    const page = this.#pages[index >>> pageBits];
    const offset = (index % statesOfPage) * this.#words;
    for (let i = 0; i < this.#words; i++) into[i] = page?.[offset + i] ?? 0;
  }

  parentOf(index: number): number {
    return this.#parents[index] ?? -1;
  }

  #equals(index: number, state: Int32Array): boolean {
    const page = this.#pages[index >>> pageBits];
    const offset = (index % statesOfPage) * this.#words;
    for (let i = 0; i < this.#words; i++) if (page?.[offset + i] !== state[i]) return false;
    return true;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2);
    const state = new Int32Array(this.#words);
    for (let index = 0; index < this.count; index++) {
      this.read(index, state);
      let place = hashOf(state) & (table.length - 1);
      while (table[place] !== 0) place = (place + 1) & (table.length - 1);
      table[place] = index + 1;
    }
    this.#table = table;
  }
}

const grown = (array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
};

/** Murmur3's mixing. It only decides where a state is looked for; states are compared whole. */
const hashOf = (state: Int32Array): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < state.length; i++) {
    hash ^= Math.imul(state[i] ?? 0, 0xcc9e2d51);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};
