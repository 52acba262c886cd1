import process from 'node:process';

/** What came back, read to its end. Status 0: nothing came back. */
export type Answer = {
  readonly status: number;
  readonly text: string;
  readonly cacheStatus: string;
  readonly retryAfter: string | null;
  readonly startedAtMs: number;
  readonly ms: number;
};

export type Asking = {
  readonly method?: string;
  readonly token?: string;
  readonly body?: object;
  /** Past every cache. */
  readonly noCache?: boolean;
};

/** Longer than anything may take. What is longer is as good as a hang. */
const patienceMs = 15_000;

export const ask = async (
  url: string,
  { method = 'GET', token, body, noCache }: Asking = {},
): Promise<Answer> => {
  const startedAtMs = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(noCache === true && { 'cache-control': 'no-cache' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      cacheStatus: response.headers.get('cache-status') ?? '',
      retryAfter: response.headers.get('retry-after'),
      startedAtMs,
      ms: performance.now() - startedAtMs,
    };
  } catch (error) {
    if (process.env['KITH_FAULTS_DEBUG'] !== undefined) process.stderr.write(`${url}: ${String(error)}\n`);
    const ms = performance.now() - startedAtMs;
    return { status: 0, text: '', cacheStatus: '', retryAfter: null, startedAtMs, ms };
  }
};

/** A field of an answer's JSON, by its path; `undefined` if there is none. */
export const fieldOf = (text: string, ...path: readonly string[]): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (const name of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  }
  return value;
};
