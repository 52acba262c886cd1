import { createClient } from 'redis';
import { maxQueuedCommands } from '../../application/caching/limits.ts';
import { Secret } from '../../domain/secret.ts';
import type { RedisAddress } from './redis-url.ts';

/** What is used of a node-redis client. Replies are unknown until they are parsed. */
export interface Client {
  connect(): Promise<unknown>;
  /** Closes the connection at once and rejects what is pending. */
  destroy(): void;
  on(event: 'error' | 'end', listener: (error: Error) => void): unknown;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
}

const connectTimeoutMs = 500;
const keepAliveMs = 5000;

/**
 * One connection, not yet connected. It is never connected a second time: when it is lost, its holder makes a new one
 * (connection.ts).
 */
export const openClient = ({ host, port, tls, ca, username, password, db }: RedisAddress): Client =>
  createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Secret.reveal(password) }),
    ...(db !== undefined && { database: db }),
    // RESP 3 begins with a HELLO that must be answered. So a server that accepts connections and never answers is not
    // taken for a Redis.
    RESP: 3,
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxQueuedCommands,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // By default each command has an AbortSignal.timeout, which covers only its time in the queue. Our own deadline
    // covers that too.
    commandOptions: { timeout: 0 },
    socket: {
      host,
      port,
      ...(tls && { tls: true, ...(ca !== undefined && { ca }) }),
      connectTimeout: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      reconnectStrategy: false,
    },
  });
