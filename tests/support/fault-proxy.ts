import { connect, createServer, type Socket } from 'node:net';

/**
 * What happens to connections: `pass`; `cut` (reset at once, the standing ones too); `black-hole` (accepted, and nothing
 * ever comes back; what was swallowed stays lost when the fault ends); `corrupt` (answers are replaced by garbage);
 * `{ latencyMs }` (each direction that much later, in order); `{ closeMs }` (the end of a connection gets through that
 * much later: a server that went away looks like one that is slow); `{ rewrite }` (answers, a character for each byte, are
 * changed on their way: what no server here can be made to say).
 */
export type Fault =
  | 'pass'
  | 'cut'
  | 'black-hole'
  | 'corrupt'
  | { readonly latencyMs: number }
  | { readonly closeMs: number }
  | { readonly rewrite: (answer: string) => string };

/** A TCP proxy on 127.0.0.1 that fails on command. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, for every connection, standing and new. */
  set(fault: Fault): void;
  /** Resets every standing connection (RST); new ones are served. */
  reset(): void;
  /** Makes the oldest standing connection half-open, whatever becomes of the others. */
  loseOne(): void;
  /** Sends new connections to another port, as a name does that leads to another server by now. */
  lead(port: number): void;
  /** How many connections were accepted. */
  accepted(): number;
}

/** Resets a connection (RST), or closes it if it is ending: Node cannot reset it any more, and would never close it. */
export const resetConnection = (socket: Socket): void => {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
};

type Pair = { readonly client: Socket; readonly server: Socket; lost: boolean };

const garbage = Buffer.from('?garbage\r\n');

const answered = (fault: Fault, chunk: Buffer): Buffer => {
  if (fault === 'corrupt') return garbage;
  return typeof fault === 'object' && 'rewrite' in fault
    ? Buffer.from(fault.rewrite(chunk.toString('latin1')), 'latin1')
    : chunk;
};

/** Opens a proxy on a free port, in front of `target`; it passes everything on until it is told otherwise. */
export const openFaultProxy = async (target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultProxy> => {
  let fault: Fault = 'pass';
  let accepted = 0;
  let { port: targetPort } = target;
  const pairs = new Set<Pair>();

  const forward = (pair: Pair, from: Socket, to: Socket): void => {
    const waiting: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
    let dueMs = 0;
    const flush = (): void => {
      const now = performance.now();
      for (let next = waiting[0]; next !== undefined && next.dueMs <= now; next = waiting[0]) {
        waiting.shift();
        if (!to.destroyed) to.write(next.bytes);
      }
      const next = waiting[0];
      if (next !== undefined) setTimeout(flush, next.dueMs - now);
    };
    from.on('data', (chunk: Buffer) => {
      if (fault === 'black-hole') pair.lost = true;
      if (pair.lost) return;
      const bytes = from === pair.server ? answered(fault, chunk) : chunk;
      const now = performance.now();
      const latencyMs = typeof fault === 'object' && 'latencyMs' in fault ? fault.latencyMs : 0;
      // Never before what came earlier, also when the latency was taken back meanwhile.
      dueMs = Math.max(dueMs, now + latencyMs);
      // One queue and one timer: a timer of its own for each would let a later chunk overtake a timer that is late.
      waiting.push({ bytes, dueMs });
      if (waiting.length === 1) flush();
    });
  };

  const close = (pair: Pair, abruptly: boolean): void => {
    pairs.delete(pair);
    if (abruptly) resetConnection(pair.client);
    else pair.client.destroy();
    pair.server.destroy();
  };

  const server = createServer((client) => {
    accepted++;
    client.on('error', () => undefined);
    if (fault === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: target.host, port: targetPort });
    const pair: Pair = { client, server: upstream, lost: false };
    pairs.add(pair);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    const closed = (abruptly: boolean): void => {
      // In a black hole not even the end of a connection gets through.
      if (fault === 'black-hole') return;
      if (typeof fault === 'object' && 'closeMs' in fault)
        setTimeout(() => close(pair, abruptly), fault.closeMs).unref();
      else close(pair, abruptly);
    };
    upstream.on('error', () => closed(true));
    upstream.on('close', () => closed(false));
    client.on('close', () => close(pair, false));
    forward(pair, client, upstream);
    forward(pair, upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const reset = (): void => {
    for (const pair of [...pairs]) close(pair, true);
  };
  return {
    port: address.port,
    set: (next) => {
      fault = next;
      if (next === 'cut') reset();
    },
    reset,
    loseOne: () => {
      const [oldest] = pairs;
      if (oldest !== undefined) oldest.lost = true;
    },
    lead: (next) => {
      targetPort = next;
    },
    accepted: () => accepted,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      reset();
      await closed;
    },
  };
};
