/**
 * Many requests at once, in a thread of their own: the load beside them measures the server, and not how busy the sender
 * of the flood is.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type Asking, ask } from './client.ts';

export type Flood = {
  readonly url: string;
  readonly count: number;
  /** What is sent, in turn. */
  readonly requests: readonly (Asking & { readonly path: string })[];
};

export type FloodAnswer = {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly ms: number;
};

const send = ({ url, count, requests }: Flood): Promise<readonly FloodAnswer[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { path = '/health/live', ...asking } = requests[n % requests.length] ?? {};
      const { status, retryAfter, ms } = await ask(`${url}${path}`, asking);
      return { status, retryAfter, ms };
    }),
  );

export const flood = (of: Flood): Promise<readonly FloodAnswer[]> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { flood: of } });
    worker.once('message', (answers: readonly FloodAnswer[]) => {
      resolve(answers);
      void worker.terminate();
    });
    worker.once('error', reject);
  });

const given: unknown = workerData;
if (typeof given === 'object' && given !== null && 'flood' in given) {
  const answers = await send(given.flood as Flood);
  parentPort?.postMessage(answers);
}
