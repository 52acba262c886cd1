import { never } from '../../application/caching/ages.ts';
import type { OwnReading, Standing } from '../../application/caching/receipts.ts';
import type { Applied, ReceiptBus, ReceiptListener } from '../../domain/ports/change-log.ts';
import type { Xid } from '../../domain/snapshot.ts';
import type { World } from './world.ts';

/** Questions and answers between instances over one Redis: each is a message that may come at any time, or never. */
export class SimulatedReceiptBuses {
  readonly #world: World;
  readonly #listeners = new Map<string, ReceiptListener>();

  constructor(world: World) {
    this.#world = world;
  }

  open(instance: number): ReceiptBus {
    const self = `${instance}`;
    const { number } = this.#world.clockOf(instance);
    return {
      hear: (listener) => void this.#listeners.set(self, listener),
      ask: (xids: readonly Xid[]) => {
        for (const other of this.#listeners.keys())
          if (other !== self) this.#send(instance, other, 'asks', (to) => to.asked(xids, self));
      },
      answer: (asker: string, applied: Applied) => {
        this.#world.say({ word: 'gives a receipt', instance: number, snapshot: applied.snapshot });
        this.#send(instance, asker, 'answers', (to) => to.answered(applied));
      },
    };
  }

  #send(from: number, to: string, what: string, tell: (listener: ReceiptListener) => void): void {
    if (this.#isCut(from) || !this.#world.masters.isHeard(from, Number(to))) return;
    void this.#world.arrive(Number(to), `${from} ${what} ${to}`).then(() => {
      const listener = this.#listeners.get(to);
      if (listener !== undefined && !this.#isCut(Number(to))) tell(listener);
    });
  }

  #isCut(instance: number): boolean {
    return this.#world.lasts(`cut ${instance}`) || this.#world.lasts(`dead bus ${instance}`);
  }
}

/**
 * When a run begins, everybody has known the database for long: otherwise it would be over before a list is trusted. An
 * identity that is new in the run is new.
 */
export const longKnown = (reader: OwnReading, isOld: (standing: Standing) => boolean): OwnReading => ({
  onReceipt: (listener) => reader.onReceipt(listener),
  async checked() {
    const standing = await reader.checked();
    return standing !== undefined && isOld(standing) ? { ...standing, since: never } : standing;
  },
});

/** Answers before it has checked, so before it has dropped anything. */
export const answersAtOnce = (bus: ReceiptBus, reader: OwnReading): ReceiptBus => {
  let known: Standing | undefined;
  return {
    ...bus,
    hear: (listener) =>
      bus.hear({
        ...listener,
        asked: (_xids, asker) => {
          if (known !== undefined) bus.answer(asker, { ...known, snapshot: everything });
          void reader.checked().then((standing) => {
            known = standing;
          });
        },
      }),
  };
};

const everything = { xmin: 2 ** 50, xmax: 2 ** 50, inProgress: [] };
