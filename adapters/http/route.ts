import type { z } from 'zod';
import type { Application } from '../../application/application.ts';
import type { Freshness, Source } from '../../application/read.ts';
import type { LimitedRequest } from '../../domain/ports/security.ts';
import type { User } from '../../domain/user.ts';
import { check } from './input.ts';
import type { ProblemCode } from './problem-table.ts';
import { invalidProblem } from './problems.ts';
import type { Answer } from './reply.ts';

/** One request, as far as a handler needs it. */
export type Call = {
  readonly application: Application;
  readonly header: (name: string) => string | null;
  /** A segment of the path by its name in the route, decoded. */
  readonly parameter: (name: string) => string;
  readonly isShuttingDown: () => boolean;
  /** Where the request comes from, for those use cases that slow down guesses. */
  readonly origin: string | undefined;
  /** Whether the client asked for the primary database. */
  readonly freshness: Freshness;
};

/** A request of somebody whose token was accepted. */
export type UserCall = Call & { readonly user: User; readonly source: Source };

/** The parsed JSON body and query parameters, not yet held to a schema. */
export type Input = { readonly body: unknown; readonly query: unknown };

/** What a route accepts, together with the handler that gets it. */
export type Action<C extends Call> = {
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  readonly run: (call: C, input: Input) => Answer;
};

/** One row of the route table. Routing, 405 and Allow, OpenAPI and the human page are all made from it. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In OpenAPI's form: `/users/{id}`. */
  readonly path: string;
  /** The use case; the operation id. */
  readonly name: string;
  readonly summary: string;
  readonly success: Success;
  /** Beyond those that the row's other columns imply. */
  readonly failures?: readonly ProblemCode[];
  /** What it counts as where one address may only ask so often. */
  readonly limited?: LimitedRequest;
  /** It counts only with this member in the body, which is what makes the request dear. */
  readonly limitedWith?: string;
  /** Whether the answer has an ETag; on GET also If-None-Match and 304. */
  readonly etag?: true;
  /** Whether If-Match is obeyed. */
  readonly ifMatch?: true;
  /** Whether the answer comes through the cache, and says so in Cache-Status. */
  readonly cached?: true;
} & (
  | ({ readonly access: 'none' } & Action<Call>)
  | ({
      readonly access: 'user' | 'admin';
      /** The answer is the authenticated user, so the client's wish for freshness is one about the authentication. */
      readonly showsCaller?: true;
    } & Action<UserCall>)
);

export type Success = {
  readonly status: 200 | 201 | 204;
  readonly schema?: z.ZodType;
  readonly description: string;
  /** Unless JSON. */
  readonly mediaType?: string;
};

/** A handler of requests with a body of this shape. */
export const withBody = <Body, C extends Call>(
  schema: z.ZodType<Body>,
  run: (call: C, body: Body) => Answer,
): Action<C> => ({
  body: schema,
  run: (call, input) => {
    const body = check(schema, input.body);
    return body.ok ? run(call, body.value) : invalidProblem(body.error);
  },
});

/** A handler of requests with query parameters of this shape. */
export const withQuery = <Query, C extends Call>(
  schema: z.ZodType<Query>,
  run: (call: C, query: Query) => Answer,
): Action<C> => ({
  query: schema,
  run: (call, input) => {
    const query = check(schema, input.query);
    return query.ok ? run(call, query.value) : invalidProblem(query.error);
  },
});
