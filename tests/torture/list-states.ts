import type { ContactChange } from './audit.ts';
import type { PageRead } from './facts.ts';

/** The states that one owner's contacts went through: state n is the list after the first n changes. */
export class ListStates {
  readonly #changes: readonly ContactChange[];
  /** By page request, then by what the page shows: the states that show it, ascending. */
  readonly #pages = new Map<string, Map<string, number[]>>();

  constructor(changes: readonly ContactChange[]) {
    this.#changes = changes;
  }

  /**
   * The states that may have been read before `endMs` and show this page, ascending; none: there never
   * was one. There may be several: a page does not show everything, and a removal undoes an addition.
   */
  find(page: Pick<PageRead, 'skip' | 'limit' | 'total' | 'items'>, endMs: number): readonly number[] {
    const states = this.#pagesOf(page.skip, page.limit).get(showPage(page.total, page.items)) ?? [];
    // A state may be read from its commit on, and that is later than what the log says.
    return states.filter((state) => state === 0 || (this.#changes[state - 1]?.atMs ?? 0) <= endMs);
  }

  #pagesOf(skip: number, limit: number): Map<string, number[]> {
    const name = `${skip} ${limit}`;
    const known = this.#pages.get(name);
    if (known !== undefined) return known;
    const pages = new Map<string, number[]>();
    this.#pages.set(name, pages);
    const list = new Map<string, { readonly order: string; readonly version: number }>();
    for (let state = 0; state <= this.#changes.length; state++) {
      const change = this.#changes[state - 1];
      if (change?.version === 'removed') list.delete(change.contactId);
      else if (change !== undefined) {
        list.set(change.contactId, {
          order: `${change.createdAt} ${change.contactId}`,
          version: change.version,
        });
      }
      const newest = [...list].sort(([, a], [, b]) => (a.order < b.order ? 1 : -1));
      const items = newest.slice(skip, skip + limit).map(([id, { version }]) => ({ id, version }));
      const shown = showPage(list.size, items);
      const states = pages.get(shown);
      if (states === undefined) pages.set(shown, [state]);
      else states.push(state);
    }
    return pages;
  }
}

export const showPage = (
  total: number,
  items: readonly { readonly id: string; readonly version: number }[],
): string => `${total}: ${items.map(({ id, version }) => `${id} v${version}`).join(', ')}`;
