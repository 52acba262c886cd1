import { Checks } from './checks.ts';
import type { Row } from './row.ts';
import { openScene, type Scene } from './scene.ts';
import type { Runtime } from './server.ts';

/** The scene that the rows of one run share, opened when it is first asked for. */
export type SharedScene = AsyncDisposable & { readonly get: () => Promise<Scene>; drop(): Promise<void> };

/** So that a snapshot can be made to fail. */
const redisSettings = ['--enable-protected-configs', 'yes'];

export type Environment = Readonly<Record<string, string>>;

export const openSharedScene = (runtime: Runtime, environment: Environment = {}): SharedScene => {
  let opening: Promise<Scene> | undefined;
  const drop = async (): Promise<void> => {
    const scene = opening;
    opening = undefined;
    await (await scene)?.[Symbol.asyncDispose]();
  };
  return {
    get: () => {
      opening ??= openScene({ runtime, redisSettings, environment });
      return opening;
    },
    drop,
    [Symbol.asyncDispose]: drop,
  };
};

export type Manner = {
  readonly runtime: Runtime;
  readonly isWhole: boolean;
  readonly slack: number;
  readonly environment?: Environment;
};

export type Finding = { readonly checks: Checks; readonly error: string | undefined };

/** Runs one row; one that throws has not been met. After a row that was not met the next gets a scene of its own. */
export const runRow = async (
  row: Row,
  shared: SharedScene,
  { runtime, isWhole, slack, environment = {} }: Manner,
): Promise<Finding> => {
  const checks = new Checks(slack);
  let error: string | undefined;
  await using opened = new AsyncDisposableStack();
  try {
    await row.run({
      runtime,
      environment,
      checks,
      pace: (shortMs, wholeMs) => (isWhole ? wholeMs : shortMs),
      scene: shared.get,
      opened,
    });
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  if (error !== undefined || !checks.isMet) await shared.drop().catch(() => undefined);
  return { checks, error };
};
