/**
 * A client of Upstash's REST API (upstash.com/docs/redis/features/restapi), as the guard and the records of Redis use one.
 *
 * All commands of one turn of the event loop are one request to `/pipeline`, which runs them in their order. Nothing is
 * sent twice: whether a request that got no answer was carried out is not known, and the protocol is made for that. A
 * request that nobody waits for any more is aborted, and a command whose caller gave up while it was still in the queue is
 * never sent.
 */
import type { Clock } from '../../../domain/ports/runtime.ts';
import { Secret } from '../../../domain/secret.ts';
import type { Client } from '../client.ts';
import { Deadlines } from '../deadline.ts';
import { Failed, NoReply } from '../errors.ts';
import { type Reply, repliesIn, textOf } from './replies.ts';
import type { RestAddress } from './rest-url.ts';

type Command = {
  /** As JSON. */
  readonly text: string;
  readonly sinceMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: NoReply) => void;
};

/** Twenty of the largest look-ups. */
const maxWaitingCommands = 10_000;
/** Requests under way; what comes meanwhile waits, and goes together. */
const maxRequests = 16;
/** A plan may refuse requests of more than 1 MB; a character is at most 3 bytes. */
const maxRequestCharacters = 300_000;
const maxReplyBytes = 16 * 1024 * 1024;

export class RestClient implements Client {
  readonly #address: RestAddress;
  readonly #deadlineMs: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #deadlines: Deadlines;
  readonly #underWay = new Set<AbortController>();
  #waiting: Command[] = [];
  #isDestroyed = false;

  /** `deadlineMs`: how long a command may take, its wait in the queue included. */
  constructor(address: RestAddress, deadlineMs: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.#address = address;
    this.#deadlineMs = deadlineMs;
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  /** There is nothing to connect: the first command finds out whether anybody is there. */
  connect(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {
    this.#isDestroyed = true;
    for (const request of this.#underWay) request.abort();
    for (const { reject } of this.#waiting.splice(0)) reject(new NoReply('closed'));
  }

  /** What fails is one request, never what comes after it. */
  on(): void {}

  subscribe(): Promise<never> {
    return Promise.reject(new NoReply('refused'));
  }

  sendCommand(args: readonly string[]): Promise<unknown> {
    if (this.#isDestroyed) return Promise.reject(new NoReply('closed'));
    if (this.#waiting.length === maxWaitingCommands) return Promise.reject(new NoReply('queue-full'));
    return new Promise((resolve, reject) => {
      const sinceMs = this.#clock.monotonicMs();
      this.#waiting.push({ text: JSON.stringify(args), sinceMs, resolve, reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.#send());
    });
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#underWay.size < maxRequests) {
      const commands = this.#take();
      if (commands.length === 0) return;
      const request = new AbortController();
      this.#underWay.add(request);
      void this.#deadlines.meet(this.#post(commands, request.signal), this.#deadlineMs, (outcome) => {
        this.#underWay.delete(request);
        if (outcome instanceof Failed) request.abort();
        const failure = new NoReply(outcome instanceof Failed ? outcome.code : 'gateway');
        const replies = outcome instanceof Failed ? [] : outcome;
        for (const [index, command] of commands.entries()) settle(command, replies[index] ?? { failure });
        this.#send();
      });
    }
  }

  /** The next commands for one request, without those whose callers have given up. */
  #take(): readonly Command[] {
    const givenUpMs = this.#clock.monotonicMs() - this.#deadlineMs;
    const commands: Command[] = [];
    let characters = 0;
    for (const command of this.#waiting) {
      if (command.sinceMs <= givenUpMs) continue;
      if (commands.length > 0 && characters + command.text.length > maxRequestCharacters) break;
      characters += command.text.length;
      commands.push(command);
    }
    const late = this.#waiting.filter(({ sinceMs }) => sinceMs <= givenUpMs);
    this.#waiting = this.#waiting.slice(late.length + commands.length);
    for (const { reject } of late) reject(new NoReply('deadline'));
    return commands;
  }

  async #post(commands: readonly Command[], signal: AbortSignal): Promise<readonly Reply[]> {
    const { url, token } = this.#address;
    try {
      const response = await fetch(`${url}/pipeline`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${Secret.reveal(token)}`,
          'content-type': 'application/json',
        },
        body: `[${commands.map(({ text }) => text).join()}]`,
        // The token goes to nobody else.
        redirect: 'error',
        signal,
      });
      return repliesIn(response.status, await textOf(response, maxReplyBytes), commands.length);
    } catch (error) {
      // What `fetch` says of a failure may repeat the URL, and differs between the runtimes.
      if (error instanceof NoReply) throw error;
      throw new NoReply(signal.aborted ? 'closed' : 'network');
    }
  }
}

const settle = ({ resolve, reject }: Command, reply: Reply): void => {
  if ('failure' in reply) reject(reply.failure);
  else resolve(reply.result);
};
