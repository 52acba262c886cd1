import type { FailureCode } from '../../../domain/failures.ts';
import type { FaultCode } from '../../../domain/faults.ts';

/** What only HTTP can get wrong. */
export type HttpCode =
  | 'bad-host'
  | 'bad-target'
  | 'expectation-failed'
  | 'malformed-request'
  | 'malformed-json'
  | 'incomplete-body'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'body-too-large'
  | 'unsupported-media-type'
  | 'unknown-field'
  | 'headers-too-large'
  | 'internal-error'
  | 'deadline-exceeded'
  | 'starting'
  | 'shutting-down';

/** Every `code` that a problem can carry. */
export type ProblemCode = FailureCode | FaultCode | HttpCode;

/** How a code looks over HTTP: `detail` is what the client is told, `advice` is added on the page that explains it. */
export type ProblemRow = {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly advice: string;
  /** WWW-Authenticate, which RFC 9110 demands of every 401. */
  readonly challenge?: string;
  /** Retry-After, unless the failure knows better. */
  readonly retryAfterMs?: number;
};

const lookFirst =
  'Read the resource to see whether the change was made before you send it again. A contact that was sent with an Idempotency-Key is added once: just send it again with the same key.';
const again = 'Send the same request again after the time in Retry-After.';

/** Every code with its meaning. A code without a row does not compile. */
export const problemRows: Readonly<Record<ProblemCode, ProblemRow>> = {
  'bad-host': {
    status: 400,
    title: 'Bad Host header',
    detail: 'The Host header is missing, repeated, malformed, or at odds with the request target.',
    advice:
      'Send exactly one Host header with a host name or address and an optional port (RFC 9112, section 3.2).',
  },
  'bad-target': {
    status: 400,
    title: 'Bad request target',
    detail: 'The request target contains dot segments or characters that a path cannot have.',
    advice:
      'Send the path in its normal form, without "." and ".." segments, encoded or not (RFC 3986, section 6.2.2.3).',
  },
  'expectation-failed': {
    status: 417,
    title: 'Expectation failed',
    detail: 'The Expect header asks for something that is not known here.',
    advice: 'Leave the header out, or send "Expect: 100-continue" (RFC 9110, section 10.1.1).',
  },
  'malformed-request': {
    status: 400,
    title: 'Malformed request',
    detail: 'The request is not valid HTTP/1.1.',
    advice: 'Check the request line, the header syntax and the framing of the body (RFC 9112).',
  },
  'malformed-json': {
    status: 400,
    title: 'Malformed JSON',
    detail: 'The body is not one JSON value in UTF-8.',
    advice:
      'Send one JSON object in UTF-8, nested at most 20 deep, with no member name twice in one object (RFC 7493).',
  },
  'incomplete-body': {
    status: 400,
    title: 'Incomplete body',
    detail: 'The body ended before it was complete.',
    advice:
      'Send as many bytes as Content-Length says, or end the chunked body. A host that embeds Kith must not read it first.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication is needed',
    detail: 'The request carries no access token.',
    advice:
      'Log in with POST /auth/login and send the access token as "Authorization: Bearer <token>" (RFC 6750).',
    challenge: 'Bearer',
  },
  'invalid-token': {
    status: 401,
    title: 'The access token is not valid',
    detail: 'The access token is malformed, expired or revoked, or its user is deactivated.',
    advice:
      'Log in again with POST /auth/login. A password change and signing out everywhere revoke every earlier token.',
    challenge: 'Bearer error="invalid_token"',
  },
  'invalid-credentials': {
    status: 401,
    title: 'Log-in refused',
    detail: 'The identifier and the password do not match an active account.',
    advice: 'The answer is the same for an unknown identifier, a wrong password and a deactivated account.',
    challenge: 'Bearer',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    detail: 'This is for administrators.',
    advice: 'Use the account of an administrator, or ask one.',
  },
  'wrong-password': {
    status: 403,
    title: 'Wrong password',
    detail: 'The current password is wrong.',
    advice: "Send the account's current password. Too many wrong ones count like failed log-ins.",
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    detail: 'There is nothing at this path.',
    advice:
      'Every path is listed in /docs and /openapi.json. Paths are case-sensitive and have no slash at the end.',
  },
  'user-not-found': {
    status: 404,
    title: 'No such user',
    detail: 'There is no such user.',
    advice: 'Deactivated users are not found by others.',
  },
  'contact-not-found': {
    status: 404,
    title: 'No such contact',
    detail: 'You have no such contact.',
    advice: 'Contacts of other users are not found, whether or not they exist.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not support the method.',
    advice: 'The Allow header lists the methods that it supports.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    detail: 'The request did not arrive in time.',
    advice: 'Send the headers within 5 seconds and the whole request within 8.',
  },
  'email-taken': {
    status: 409,
    title: 'The email is taken',
    detail: 'Another account has this email.',
    advice: 'Use another one, or log in to the account that has it.',
  },
  'username-taken': {
    status: 409,
    title: 'The username is taken',
    detail: 'Another account has this username.',
    advice: 'Choose another one. Case and compatibility forms make no difference.',
  },
  'phone-taken': {
    status: 409,
    title: 'The phone number is taken',
    detail: 'Another account has this phone number.',
    advice: 'Use another one, or log in to the account that has it.',
  },
  'contact-limit': {
    status: 409,
    title: 'Too many contacts',
    detail: 'The address book is full.',
    advice: 'A user may have 5,000 contacts. Remove some first.',
  },
  'last-admin': {
    status: 409,
    title: 'The last administrator',
    detail: 'This would leave no active administrator.',
    advice: 'Make another user an administrator first.',
  },
  'not-cached': {
    status: 504,
    title: 'Not in a cache',
    detail: 'No cache holds this, and the request asks for nothing else.',
    advice:
      'Leave out "Cache-Control: only-if-cached": then the database is asked, and the answer is cached for the next (RFC 9111, section 5.2.1.7).',
  },
  'version-conflict': {
    status: 412,
    title: 'Changed in the meantime',
    detail:
      'The resource does not have the version that If-Match names, or it has one that If-None-Match names. A weak tag (W/"...") never matches in If-Match, nor does one that is changed; proxies that compress make tags weak, or put -gzip behind them.',
    advice:
      'Read it again, merge your change, and send it with the new ETag (RFC 9110, sections 13.1.1 and 13.1.2). If the tag that you got begins with W/ or ends in -gzip, a proxy between you and the server compresses: let it leave these answers alone, for the server gives strong tags only.',
  },
  'body-too-large': {
    status: 413,
    title: 'Body too large',
    detail: 'The body is larger than 64 KiB.',
    advice: 'No request of this API needs more than 64 KiB.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The body must be application/json in UTF-8, without a content coding.',
    advice: 'Send "Content-Type: application/json".',
  },
  'invalid-input': {
    status: 422,
    title: 'Invalid input',
    detail: 'Some fields are not valid; errors lists every one of them.',
    advice: 'Each entry of errors points to a field (RFC 6901) and says what is expected of it.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key was used for something else',
    detail: 'Another request with other fields was sent with this Idempotency-Key.',
    advice:
      'Send each new request with a new key, such as a UUID, and the same key only when you send the same request again.',
  },
  'unknown-field': {
    status: 422,
    title: 'Unknown field',
    detail: 'The request has fields that are not known here; errors lists them.',
    advice:
      'Nothing was changed. Leave out fields that the documentation does not list, such as role, id and version.',
  },
  'too-many-attempts': {
    status: 429,
    title: 'Too many attempts',
    detail: 'There were too many attempts.',
    advice: 'Wait for the time in Retry-After. Attempts before that are refused without being looked at.',
    retryAfterMs: 1000,
  },
  'headers-too-large': {
    status: 431,
    title: 'Headers too large',
    detail: 'The request headers are larger than 8 KiB.',
    advice: 'Send fewer or shorter headers.',
  },
  'internal-error': {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong here.',
    advice: 'Report the request id (instance) to the operator; the log has an entry under it.',
  },
  'database-unavailable': {
    status: 503,
    title: 'The database cannot be reached',
    detail: 'The answer is not cached and the database cannot be reached. Nothing was changed.',
    advice: again,
    retryAfterMs: 1000,
  },
  closed: {
    status: 503,
    // Another instance may answer.
    retryAfterMs: 1000,
    title: 'Closed',
    detail: 'The program around Kith has closed it, and goes on sending requests to it.',
    advice:
      'Close Kith when the program ends and no sooner: `await using` at the top of a module closes it where the module ends.',
  },
  'outcome-unknown': {
    status: 503,
    title: 'The outcome is unknown',
    detail: 'The connection to the database was lost at the end: the change may or may not have been made.',
    advice: lookFirst,
    retryAfterMs: 1000,
  },
  'write-conflict': {
    status: 503,
    title: 'Lost against another change',
    detail: 'The change lost against others made at the same time. Nothing was changed.',
    advice: again,
    retryAfterMs: 1000,
  },
  overloaded: {
    status: 503,
    title: 'Too busy',
    detail: 'There is too much to do at the moment. Nothing was changed.',
    advice: again,
    retryAfterMs: 1000,
  },
  'deadline-exceeded': {
    status: 503,
    title: 'The answer took too long',
    detail: 'There was no answer in time. A change that was asked for may or may not have been made.',
    advice: lookFirst,
    retryAfterMs: 1000,
  },
  starting: {
    status: 503,
    title: 'Starting',
    detail: 'This instance has not ended its start.',
    advice: 'It answers already; ask again, or another instance.',
    retryAfterMs: 1000,
  },
  'shutting-down': {
    status: 503,
    title: 'Shutting down',
    detail: 'This instance is shutting down.',
    advice: 'Another instance will answer; ask the load balancer again.',
    retryAfterMs: 1000,
  },
};

/** Whether a text is one of the codes. */
export const isProblemCode = (text: string): text is ProblemCode => Object.hasOwn(problemRows, text);
