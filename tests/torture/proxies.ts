import { Worker } from 'node:worker_threads';
import type { Fault } from '../support/fault-proxy.ts';
import type { ProxyAnswer, ProxyCommand, ProxyMessage } from './proxy-worker.ts';

/** TCP proxies that fail on command, by name. */
export interface Proxies extends AsyncDisposable {
  /** Opens a proxy to a port of this machine; its own port. */
  open(name: string, targetPort: number): Promise<number>;
  set(name: string, fault: Fault): Promise<void>;
  /** Resets every standing connection (RST); new ones are served. */
  reset(name: string): Promise<void>;
}

export const openProxies = (): Proxies => {
  const worker = new Worker(new URL('./proxy-worker.ts', import.meta.url));
  const waiting = new Map<number, (port: number) => void>();
  let lastId = 0;
  worker.on('message', ({ id, port }: ProxyAnswer) => {
    waiting.get(id)?.(port);
    waiting.delete(id);
  });
  const send = (command: ProxyCommand): Promise<number> =>
    new Promise((resolve) => {
      const message: ProxyMessage = { id: ++lastId, command };
      waiting.set(message.id, resolve);
      worker.postMessage(message);
    });
  return {
    open: (name, targetPort) => send({ do: 'open', name, targetPort }),
    set: async (name, fault) => {
      await send({ do: 'set', name, fault });
    },
    reset: async (name) => {
      await send({ do: 'reset', name });
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
};
