import type { Client } from './client.ts';
import { classify, NoReply } from './errors.ts';
import { replay, runScript, runScriptInOrder } from './scripts.ts';

/** The way to a Redis, and what follows from it. */
export type Way = {
  readonly backend: 'redis' | 'upstash';
  /** Whether what is published is heard: whether connections can be subscribed. */
  readonly hasBus: boolean;
  /** Whether a read is one script that takes the lease where there is nothing, instead of a read and a lease behind it. */
  readonly readsLease: boolean;
  readonly runScript: typeof runScript;
  /** Finds out whether the server takes writes and runs scripts, with this name; rejects where it does not. */
  readonly probe: (client: Client, name: string) => Promise<unknown>;
  /** Whether it is asked for its memory each time that somebody looks, which is often. */
  readonly tellsMemory: boolean;
  /** The pause between two probes of a Redis that is well, in milliseconds. */
  readonly restingProbeMs: number;
  /** The pause behind a probe that failed, at least. */
  readonly failedProbeMs: number;
};

const probeTtlMs = 10_000;

/** A connection that is kept: many commands are under way on it, and a round trip costs nothing but its time. */
export const byConnection: Way = {
  backend: 'redis',
  hasBus: true,
  readsLease: false,
  runScript,
  probe: (client, name) =>
    Promise.all([
      client.sendCommand(['PING']),
      client.sendCommand(['SET', name, '1', 'PX', `${probeTtlMs}`]),
      // To nobody: whether this user may.
      client.sendCommand(['PUBLISH', name, '']),
    ]),
  tellsMemory: true,
  restingProbeMs: 1000,
  failedProbeMs: 0,
};

/**
 * Upstash over REST. Each round trip is a request that is paid for, so a read is one, scripts go by their text, which no
 * server has to know already, and a Redis that is well is rarely probed. And a read is a script, because replicas, which
 * may be behind, answer plain reads, while scripts run where writes do.
 */
export const byRest: Way = {
  backend: 'upstash',
  hasBus: false,
  readsLease: true,
  runScript: runScriptInOrder,
  probe: async (client, name) => {
    try {
      await Promise.all([
        client.sendCommand(['SET', name, '1', 'PX', `${probeTtlMs}`]),
        runScriptInOrder(client, replay, name, []),
      ]);
    } catch (error) {
      // A read-only token may not run scripts, so no read would be answered: it is out of use and costs no requests.
      throw classify(error).code === 'noperm' ? new NoReply('readonly') : error;
    }
  },
  tellsMemory: false,
  restingProbeMs: 60_000,
  failedProbeMs: 1000,
};
