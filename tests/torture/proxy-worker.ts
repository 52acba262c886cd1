/**
 * The fault proxies, in a thread of their own: what the clients do must not slow down what the servers send. Parsed
 * messages in, one answer each.
 */
import { parentPort } from 'node:worker_threads';
import { type Fault, type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts';

/** `open` answers with a port, the others with 0. */
export type ProxyCommand =
  | { readonly do: 'open'; readonly name: string; readonly targetPort: number }
  | { readonly do: 'set'; readonly name: string; readonly fault: Fault }
  | { readonly do: 'reset'; readonly name: string };
export type ProxyMessage = { readonly id: number; readonly command: ProxyCommand };
export type ProxyAnswer = { readonly id: number; readonly port: number };

const proxies = new Map<string, FaultProxy>();

const obey = async (command: ProxyCommand): Promise<number> => {
  if (command.do === 'open') {
    const proxy = await openFaultProxy({ host: '127.0.0.1', port: command.targetPort });
    proxies.set(command.name, proxy);
    return proxy.port;
  }
  const proxy = proxies.get(command.name);
  if (command.do === 'reset') proxy?.reset();
  else proxy?.set(command.fault);
  return 0;
};

parentPort?.on('message', ({ id, command }: ProxyMessage) => {
  void obey(command).then((port) => {
    const answer: ProxyAnswer = { id, port };
    parentPort?.postMessage(answer);
  });
});
