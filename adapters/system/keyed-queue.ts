import { Overloaded } from '../../domain/faults.ts';
import { Queue, type QueueLimits } from './queue.ts';

export type KeyedQueueLimits = QueueLimits & {
  /** How many may wait under all keys together: what the process holds of them is bounded, however many keys there are. */
  readonly maxWaitingInAll: number;
};

/**
 * A queue for each key, made when somebody comes and forgotten when the last has left. Those of different keys do not wait
 * for each other.
 */
export class KeyedQueue {
  readonly #limits: KeyedQueueLimits;
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;

  constructor(limits: KeyedQueueLimits) {
    this.#limits = limits;
  }

  load(): { readonly keys: number; readonly waiting: number } {
    return { keys: this.#queues.size, waiting: this.#waiting };
  }

  /** Throws `Overloaded` like `Queue.run`, and when too many wait under all keys. */
  async run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const queue = this.#queueOf(key);
    let isWaiting = queue.load().running >= this.#limits.maxRunning;
    if (isWaiting && this.#waiting >= this.#limits.maxWaitingInAll)
      throw new Overloaded('too many wait in all queues');
    if (isWaiting) this.#waiting++;
    const noLongerWaiting = (): void => {
      if (isWaiting) this.#waiting--;
      isWaiting = false;
    };
    try {
      return await queue.run(() => {
        noLongerWaiting();
        return job();
      });
    } finally {
      noLongerWaiting();
      const { running, waiting } = queue.load();
      if (running === 0 && waiting === 0 && this.#queues.get(key) === queue) this.#queues.delete(key);
    }
  }

  #queueOf(key: string): Queue {
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const queue = new Queue(this.#limits);
    this.#queues.set(key, queue);
    return queue;
  }
}
