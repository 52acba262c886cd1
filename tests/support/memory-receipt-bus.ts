import type { Applied, ReceiptBus, ReceiptListener } from '../../domain/ports/change-log.ts';
import type { Xid } from '../../domain/snapshot.ts';

/** Processes that hear each other a turn later. */
export class MemoryReceiptBuses {
  readonly #listeners = new Map<string, ReceiptListener[]>();
  /** What was asked, in order. */
  readonly asked: (readonly Xid[])[] = [];

  open(): ReceiptBus {
    const self = `process-${this.#listeners.size}`;
    const own: ReceiptListener[] = [];
    this.#listeners.set(self, own);
    return {
      hear: (listener) => void own.push(listener),
      ask: (xids) => {
        this.asked.push(xids);
        for (const [other, listeners] of this.#listeners)
          if (other !== self) for (const each of listeners) queueMicrotask(() => each.asked(xids, self));
      },
      answer: (asker: string, applied: Applied) => {
        for (const each of this.#listeners.get(asker) ?? []) queueMicrotask(() => each.answered(applied));
      },
    };
  }
}
