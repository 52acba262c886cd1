import type { z } from 'zod';
import type { Application } from '../../application/application.ts';
import type { Freshness, Source } from '../../application/read.ts';
import type { LimitedRequest } from '../../domain/ports/security.ts';
import type { User } from '../../domain/user.ts';
import { type CommonProblem, edgeProblems } from './answer/edge-problems.ts';
import type { ProblemCode } from './answer/problem-table.ts';
import { type InputProblem, invalidProblem } from './answer/problems.ts';
import type { Answer } from './answer/reply.ts';
import { check } from './request/input.ts';

/** Why an instance whose database answers is not ready. */
export type NotReady = 'starting' | 'shutting-down';

/** One request, as far as a handler needs it. */
export type Call = {
  readonly application: Application;
  readonly header: (name: string) => string | null;
  /** A segment of the path by its name in the route, decoded. */
  readonly parameter: (name: string) => string;
  /** Why nobody should be sent here; `undefined` while requests are welcome. */
  readonly whyNotReady: () => NotReady | undefined;
  /** What clients see in front of our paths: `/kith`, or nothing. */
  readonly basePath: string;
  /** Where the request comes from, for those use cases that slow down guesses. */
  readonly origin: string | undefined;
  /** Whether the client asked for the primary database. */
  readonly freshness: Freshness;
};

/** A request of somebody whose token was accepted. */
export type UserCall = Call & { readonly user: User; readonly source: Source };

/** The parsed JSON body and query parameters, not yet held to a schema. */
export type Input = { readonly body: unknown; readonly query: unknown };

/** What a route accepts, together with the handler that gets it. `Code` are the problems that it answers with. */
export type Action<C extends Call, Code extends ProblemCode = ProblemCode> = {
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly run: (call: C, input: Input) => Answer<Code>;
};

/** What stands in each row, whoever may ask. */
type Columns = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In OpenAPI's form: `/users/{id}`. */
  readonly path: string;
  /** The use case, as a rule; OpenAPI's operation id. */
  readonly name: string;
  readonly summary: string;
  readonly success: Success;
  /** The limit per address under which its requests are counted. */
  readonly limited?: LimitedRequest;
  /** A request counts only if its body has this member, which is what makes the request costly. */
  readonly limitedWith?: string;
  /** Whether the answer has an ETag. A GET then also obeys If-None-Match, and can answer 304. */
  readonly etag?: true;
  /** Whether the answer comes through the cache, and says so in Cache-Status. */
  readonly cached?: true;
};

type Access<Code extends ProblemCode = ProblemCode> =
  | ({ readonly access: 'none' } & Action<Call, Code>)
  | ({
      readonly access: 'user' | 'admin';
      /** The answer is the user whom the token stands for. So `no-cache` is obeyed when the token is checked. */
      readonly showsCaller?: true;
    } & Action<UserCall, Code>);

/** A row as it is written. `Code` are the problems that its handler answers with, by its type. */
type Row<Code extends ProblemCode, Listed extends ProblemCode> = Columns &
  Access<Code> & {
    /** The problems that its handler answers with, except those of every route. */
    readonly failures?: readonly Listed[];
  };

/** One row of the route table. Routing, 405 and Allow, OpenAPI and the human page are all made from it. */
export type Route = Columns &
  Access & {
    /** All problems that it can answer with, except those of every route. `route` puts them together. */
    readonly problems: readonly ProblemCode[];
  };

/**
 * A row with all of its problems. It is no `Route`, and the compiler says why, if `failures` lists fewer problems than
 * the handler answers with, or more. Which those are is in the type of the handler, down from the failures of the use
 * cases.
 */
export function route<Code extends ProblemCode, Listed extends ProblemCode = never>(
  row: Row<Code, Listed>,
): Checked<Exclude<Code, CommonProblem | Listed>, Exclude<Listed, Code>>;
export function route(row: Row<ProblemCode, ProblemCode>): Route {
  const { access, body, limited, failures = [] } = row;
  const problems = new Set<ProblemCode>([
    ...(access === 'none' ? [] : edgeProblems.token),
    ...(access !== 'none' && row.showsCaller ? edgeProblems.caller : []),
    ...(access === 'admin' ? edgeProblems.admin : []),
    ...(body === undefined ? [] : edgeProblems.body),
    ...failures,
    ...(limited === undefined ? [] : edgeProblems.limit),
  ]);
  return { ...row, problems: [...problems] };
}

type Checked<Unlisted, NeverAnswered> = [Unlisted] extends [never]
  ? [NeverAnswered] extends [never]
    ? Route
    : { readonly 'failures lists what the handler never answers with': NeverAnswered }
  : { readonly 'failures does not list': Unlisted };

export type Success = {
  readonly status: 200 | 201 | 204;
  readonly schema?: z.ZodType;
  readonly description: string;
  /** Unless JSON. */
  readonly mediaType?: string;
};

/** A handler of requests with a body of this shape. */
export const withBody = <Body, C extends Call, Code extends ProblemCode>(
  schema: z.ZodType<Body>,
  run: (call: C, body: Body) => Answer<Code>,
): Action<C, Code | InputProblem> & { readonly body: z.ZodType } => ({
  body: schema,
  run: (call, input) => {
    const body = check(schema, input.body);
    return body.ok ? run(call, body.value) : invalidProblem(body.error);
  },
});

/** A handler of requests with query parameters of this shape. */
export const withQuery = <Query, C extends Call, Code extends ProblemCode>(
  schema: z.ZodType<Query>,
  run: (call: C, query: Query) => Answer<Code>,
): Action<C, Code | InputProblem> => ({
  query: schema,
  run: (call, input) => {
    const query = check(schema, input.query);
    return query.ok ? run(call, query.value) : invalidProblem(query.error);
  },
});
