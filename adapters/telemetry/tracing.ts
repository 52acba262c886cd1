import {
  type Attributes,
  context,
  ProxyTracerProvider,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { Fault, nameOfThrown } from '../../domain/faults.ts';

export type { Attributes } from '@opentelemetry/api';

/** Says in a span what came of its work; never a value of a user. */
type Describe<T> = (value: T) => Attributes;

/**
 * Makes spans. `undefined` in its place means that nobody collects any, so that frequent calls need not ask each time.
 */
export type Tracing = {
  /** A span around something that happens in this process, or asks another one (`client`). */
  span<T>(
    name: string,
    kind: 'internal' | 'client',
    attributes: Attributes,
    work: () => Promise<T>,
    describe: Describe<T>,
  ): Promise<T>;
  /** A span around the answer to a request, as a part of the caller's trace if its headers name one (W3C). */
  serve<T>(
    name: string,
    attributes: Attributes,
    headers: Headers,
    work: () => Promise<T>,
    describe: Describe<T>,
  ): Promise<T>;
};

/**
 * Tracing with the OpenTelemetry SDK that the host has registered; `undefined` if it has none. It is asked once, at the
 * start, and not at every call. So the SDK has to be registered before, as it has to be for other libraries.
 */
export const findTracing = (): Tracing | undefined => {
  const provider = trace.getTracerProvider();
  const isNobodyBehind =
    provider instanceof ProxyTracerProvider && provider.getDelegateTracer('kith') === undefined;
  return isNobodyBehind ? undefined : tracingWith(provider.getTracer('kith'));
};

const tracingWith = (tracer: Tracer): Tracing => ({
  span: (name, kind, attributes, work, describe) =>
    tracer.startActiveSpan(
      name,
      { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes },
      (span) => finish(span, work, describe, kind === 'internal'),
    ),
  serve: (name, attributes, headers, work, describe) =>
    tracer.startActiveSpan(
      name,
      { kind: SpanKind.SERVER, attributes },
      propagation.extract(context.active(), headers, headerGetter),
      (span) => finish(span, work, describe, true),
    ),
});

const finish = async <T>(
  span: Span,
  work: () => Promise<T>,
  describe: Describe<T>,
  isOurs: boolean,
): Promise<T> => {
  try {
    const value = await work();
    span.setAttributes(describe(value));
    return value;
  } catch (error) {
    // The kind of error and not its message, which might hold what somebody typed.
    span.setAttribute('error.type', nameOfThrown(error));
    // An error that comes through the database and is no fault is thrown by a use case to roll its transaction back.
    if (isOurs || error instanceof Fault) span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
};

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name) ?? undefined,
  keys: (headers) => [...headers.keys()],
};
