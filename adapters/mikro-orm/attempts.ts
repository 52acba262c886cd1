import { setImmediate } from 'node:timers';
import { type RawBuilder, sql } from 'kysely';
import { attemptLimits, type Counters } from '../../domain/attempts.ts';
import { WriteConflict } from '../../domain/faults.ts';
import type { AttemptCounters } from '../../domain/ports/persistence.ts';
import { Queue } from '../system/queue.ts';
import { interval, timeOf } from './server-time.ts';
import type { Statements } from './statements.ts';
import { parseAdmission } from './tables/login-attempts.ts';

const { freeOfOrigin, freeOfAccount, firstDelayMs, maxDelayMs, forgottenAfterMs, familiarForMs } =
  attemptLimits;
/**
 * How many expired rows each guess deletes: more than it can add, so that the table never holds much more than a day's
 * guesses.
 */
const sweptAtOnce = 8;
const maxTries = 3;
/**
 * Guesses take two connections of the pool and no more, so that a flood of them leaves the others to everybody else. A
 * guess that finds the queue full is answered with 503. What takes a count back has a queue of its own, so that new
 * guesses cannot keep it out.
 */
const newcomers = { maxRunning: 2, maxWaiting: 100, maxWaitMs: 1000 };
const returners = { maxRunning: 2, maxWaiting: 2000, maxWaitMs: 2000 };

/**
 * The counters in one table. `admit` is one statement: its upserts check the delay again on the row as it is when they
 * have locked it, so of a hundred guesses at once each sees the count of the one before. It also dates the failures from
 * which it makes somebody wait, if they are in the future (`refusedOnce` of domain/attempts.ts); a row that another guess
 * has locked is left to that one, so that none waits for another in a circle.
 */
export const attemptCounters = (statements: Statements): AttemptCounters => {
  // The event loop goes on before each of them, so that a flood of guesses does not hold up everything else.
  const admitting = new Queue(newcomers, setImmediate);
  const settling = new Queue(returners, setImmediate);

  /**
   * Two writers of the same counters may wait for each other; the one that PostgreSQL rolls back is run again. A
   * statement is put together only when its turn has come: in a flood most guesses get no turn, and putting 500
   * statements together held up everybody else for 60 ms.
   */
  const write = (queue: Queue, statement: () => RawBuilder<unknown>): Promise<readonly unknown[]> =>
    queue.run(() => writeAgain(statement()));

  const writeAgain = async (statement: RawBuilder<unknown>): Promise<readonly unknown[]> => {
    for (let tried = 1; ; tried++) {
      try {
        return await statements.write(statement);
      } catch (error) {
        if (!(error instanceof WriteConflict) || tried === maxTries) throw error;
      }
    }
  };

  return {
    async admit(counters, atMs) {
      const refusals = (await write(admitting, () => admission(counters, timeOf(atMs))))
        .map(parseAdmission)
        .filter(({ counted }) => !counted)
        // Refused although there was nothing to wait for: another guess was counted in between, and raised the delay.
        .map(({ waitMs }) => (waitMs > 0 ? waitMs : firstDelayMs));
      return refusals.length > 0 ? Math.max(...refusals) : undefined;
    },

    async succeeded(counters, atMs) {
      const now = timeOf(atMs);
      const until = sql`${now} + ${interval(familiarForMs)}`;
      await write(
        settling,
        () => sql`with ${input(counters)}, before as (
            select i.*, c.failures, c.familiar_until > ${now} as familiar
            from input i left join login_attempts c on c.key = i.origin
          ), own as (
            insert into login_attempts as c (key, failures, last_at, familiar_until, expires_at)
            select origin, 0, ${now}, ${until}, ${until} from before order by place
            on conflict (key) do update set failures = 0, last_at = excluded.last_at,
              familiar_until = excluded.familiar_until, expires_at = excluded.expires_at
              returning c.key
          ), locked as (
            select c.key, before.failures from before join login_attempts c on c.key = before.account
            where not before.familiar and ${afterOrigins} order by before.place for update of c
          )
          update login_attempts c set failures = greatest(0, c.failures - locked.failures)
            from locked where c.key = locked.key`,
      );
    },

    async withdraw(counters, atMs) {
      await write(
        settling,
        () => sql`with ${input(counters)}, before as (
            select i.*, c.familiar_until > ${timeOf(atMs)} as familiar
            from input i join login_attempts c on c.key = i.origin
          ), locked as (
            select c.key from before join login_attempts c
              on c.key = before.origin or c.key = before.account and not before.familiar
            order by c.key = before.account, before.place for update of c
          )
          update login_attempts c set failures = greatest(0, c.failures - 1) from locked where c.key = locked.key`,
      );
    },
  };
};

const admission = (counters: readonly Counters[], now: RawBuilder<unknown>): RawBuilder<unknown> => {
  const failure = sql`1, ${now}, to_timestamp(0), ${now} + ${interval(forgottenAfterMs)}`;
  const orRaise = (free: number) => sql`on conflict (key) do update set
    failures = case when c.last_at < ${now} - ${interval(forgottenAfterMs)} then 1 else c.failures + 1 end,
    last_at = excluded.last_at, expires_at = greatest(c.expires_at, excluded.expires_at)
    where ${wait('c', free, now)} <= 0 returning c.key`;
  return sql`with ${input(counters)}, seen as (
      select i.*, coalesce(own.familiar_until > ${now}, false) as familiar,
        coalesce(${wait('own', freeOfOrigin, now)}, 0) as own_wait,
        coalesce(${wait('every', freeOfAccount, now)}, 0) as account_wait
      from input i left join login_attempts own on own.key = i.origin
        left join login_attempts every on every.key = i.account
    ), own as (
      insert into login_attempts as c (key, failures, last_at, familiar_until, expires_at)
      select origin, ${failure} from seen where familiar or account_wait <= 0 order by place
      ${orRaise(freeOfOrigin)}
    ), every as (
      insert into login_attempts as c (key, failures, last_at, familiar_until, expires_at)
      select account, ${failure} from seen join own on own.key = origin
      where not familiar and ${afterOrigins} order by place
      ${orRaise(freeOfAccount)}
    ), dated as (
      update login_attempts c set last_at = ${now} where c.key in (
        select a.key from login_attempts a where a.last_at > ${now} and a.key in (
          select origin from seen where own_wait > 0
          union all select account from seen where account_wait > 0 and not familiar)
        for update skip locked)
    ), swept as (
      delete from login_attempts where expires_at < ${now} and key in (
        select c.key from login_attempts c where c.expires_at < ${now}
          and not exists (select from input i where c.key in (i.origin, i.account))
        order by c.expires_at limit ${sql.lit(sweptAtOnce)} for update skip locked)
    )
    select own.key is not null and (familiar or every.key is not null) as counted,
      ceil(greatest(0, own_wait, case when familiar then 0 else account_wait end))::float8 as wait_ms
    from seen left join own on own.key = origin left join every on every.key = account`;
};

/**
 * Every statement locks the origins first and then the accounts, each in the order of the accounts' keys, so that no two
 * of them can wait for each other in a circle. A join alone promises no order. The count is asked for once, before the
 * first account, and needs all of `own`.
 */
const afterOrigins = sql`(select count(*) from own) >= 0`;

/** The pairs in the order of their accounts. */
const input = (counters: readonly Counters[]): RawBuilder<unknown> => {
  const sorted = [...counters].sort((a, b) => (a.account < b.account ? -1 : 1));
  return sql`input as (select * from unnest(
    ${sorted.map(({ origin }) => origin)}::text[], ${sorted.map(({ account }) => account)}::text[]
  ) with ordinality as i (origin, account, place))`;
};

/** `waitMs` of domain/attempts.ts in SQL, but negative when the wait is over. */
const wait = (alias: string, free: number, now: RawBuilder<unknown>): RawBuilder<unknown> => {
  const failures = sql.ref(`${alias}.failures`);
  const lastAt = sql.ref(`${alias}.last_at`);
  const over = sql`${failures} - ${sql.lit(free)}`;
  // `least` would take a missing row for one of now.
  return sql`1000 * extract(epoch from case when ${lastAt} > ${now} then interval '0' else ${lastAt} - ${now} end + case
    when ${over} < 0 then interval '0'
    else least(${interval(maxDelayMs)}, ${interval(firstDelayMs)} * power(2, least(${over}, 20))) end)`;
};
