import type { RequestListener } from 'node:http';
import { load } from './load.ts';

/** What better-auth calls secondary storage. */
export type SecondaryStorage = {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttl?: number): Promise<void>;
  delete(key: string): Promise<void>;
};

type Auth = { readonly handler: (request: Request) => Promise<Response> };
type BetterAuth = { betterAuth(options: Readonly<Record<string, unknown>>): Auth };
type MemoryAdapter = { memoryAdapter(tables: Readonly<Record<string, unknown[]>>): unknown };
type NodeHandler = { toNodeHandler(auth: Auth): RequestListener };

/**
 * better-auth.com, "Secondary storage": sessions in Redis. The database is its adapter in memory, which `get-session` does
 * not ask. Its cookie cache is left off, as by default: with it a revoked session goes on for minutes.
 */
export const openBetterAuth = async (
  secondaryStorage: SecondaryStorage,
): Promise<{ handler: RequestListener; cookie: string }> => {
  const { betterAuth } = await load<BetterAuth>('better-auth');
  const { memoryAdapter } = await load<MemoryAdapter>('better-auth/adapters/memory');
  const { toNodeHandler } = await load<NodeHandler>('better-auth/node');
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: 'a secret of the benchmarks, 40 characters',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    secondaryStorage,
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const response = await auth.handler(
    new Request('http://127.0.0.1/api/auth/sign-up/email', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Ann', email: 'ann@example.com', password: 'correct horse battery' }),
    }),
  );
  if (!response.ok) throw new Error(`better-auth answered ${response.status}: ${await response.text()}`);
  const cookie = response.headers
    .getSetCookie()
    .map((set) => set.split(';')[0])
    .join('; ');
  return { handler: toNodeHandler(auth), cookie };
};
