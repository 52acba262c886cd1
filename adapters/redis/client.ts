import { createClient } from 'redis';
import { Secret } from '../../domain/secret.ts';

/** Where Redis is and who we are: fields, never a URL, for node-redis puts URLs into its errors. */
export type RedisAddress = {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string | undefined;
  readonly password?: Secret<string> | undefined;
  readonly db?: number | undefined;
};

/** What is used of a node-redis client. Replies are unknown until they are parsed. */
export interface Client {
  connect(): Promise<unknown>;
  /** Closes the connection at once and rejects what is pending. */
  destroy(): void;
  on(event: 'error' | 'end', listener: (error: Error) => void): unknown;
  sendCommand(args: readonly string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
}

const maxQueuedCommands = 1000;
const connectTimeoutMs = 500;
const keepAliveMs = 5000;

/** One connection, not yet connected. It lives once: whoever holds it makes a new one when it is lost (connection.ts). */
export const openClient = ({ host, port, tls, username, password, db }: RedisAddress): Client =>
  createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Secret.reveal(password) }),
    ...(db !== undefined && { database: db }),
    // RESP 3 opens with a HELLO that must be answered: a port that only accepts is not a Redis.
    RESP: 3,
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxQueuedCommands,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // By default an AbortSignal.timeout for each command, for its time in the queue only. Our deadline covers that.
    commandOptions: { timeout: 0 },
    socket: {
      host,
      port,
      ...(tls && { tls: true }),
      connectTimeout: connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      reconnectStrategy: false,
    },
  });
