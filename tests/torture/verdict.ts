import type { Audit } from './audit.ts';
import type { Checker } from './checker.ts';
import type { Bounds, Call, Fact, Violation } from './facts.ts';

/** What the promises of one scenario are. */
export type Conditions = {
  readonly scenario: string;
  /** Redis lost no fence. */
  readonly keepsFences: boolean;
  /** Nothing but Redis failed: then nobody may see a 5xx for it. */
  readonly onlyRedis: boolean;
  /** The largest of any instance, in milliseconds. */
  readonly bounds: Bounds;
};

/** What is known of one scenario. */
export type Evidence = {
  /** Everything that was committed so far, that of the scenarios before included. */
  readonly audit: Audit;
  readonly facts: readonly Fact[];
  /** Calls that ended in a 5xx. */
  readonly serverErrors: readonly Call[];
  /** What the run itself found to be wrong, beside the answers. */
  readonly findings: readonly Violation[];
};

export const verdictOf = (
  checker: Checker,
  { audit, facts, serverErrors, findings }: Evidence,
  { keepsFences, onlyRedis, bounds }: Conditions,
): readonly Violation[] => [
  ...checker.judge(audit, facts, keepsFences, bounds),
  ...findings,
  // A 500 is never right, whatever fails.
  ...serverErrors.filter(({ status }) => status === 500 || onlyRedis).map(toViolation),
];

const toViolation = ({ status, name, server, startMs }: Call): Violation => ({
  kind: 'error',
  text: `${status} from ${name} on ${server}, sent ${startMs.toFixed(1)}`,
});
