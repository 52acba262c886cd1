/** A use case is traced or says why not. Checked by tsc: an error that is expected and does not come is an error. */
import { type Traced, type Untraced, untraced } from '../../../adapters/telemetry/observed-application.ts';
import type { Application } from '../../../application/application.ts';
import type { Failure } from '../../../domain/failures.ts';
import type { Result } from '../../../domain/result.ts';

type WithResult = Application & {
  readonly mergeUsers: (a: string, b: string) => Promise<Result<undefined, Failure<'user-not-found'>>>;
};
type WithoutResult = Application & { readonly countUsers: () => Promise<number> };

export const isTraced: Traced<WithResult> = 'mergeUsers';
export const nothingToSay: Untraced<WithResult> = untraced;

// @ts-expect-error it answers with no result, so there is nothing to trace it by
export const isNotTraced: Traced<WithoutResult> = 'countUsers';
// @ts-expect-error and nobody says why not
export const unlisted: Untraced<WithoutResult> = untraced;
export const listed: Untraced<WithoutResult> = { ...untraced, countUsers: 'the reason' };
// @ts-expect-error what can be traced is not left out
export const leftOut: Untraced<Application> = { ...untraced, logIn: 'the reason' };
