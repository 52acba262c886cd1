import { json, type Reply } from '../answer/reply.ts';
import type { Operations } from '../operations.ts';
import { Assets, packageFile } from '../pages/assets.ts';
import { operationsPage } from '../pages/operations-page.ts';
import { type Call, type Route, route, withQuery } from '../route.ts';
import { version } from '../version.ts';
import { liveStateToWire } from '../wire/operations-wire.ts';
import { liveStateQuery } from '../wire/schemas.ts';

const assets = new Assets('/assets', {
  'operations.js': new URL('../static/operations.js', import.meta.url),
  'operations.css': new URL('../static/operations.css', import.meta.url),
  'uplot.js': packageFile('uplot/dist/uPlot.iife.min.js'),
  'uplot.css': packageFile('uplot/dist/uPlot.min.css'),
});

/** What operators look at: the page, the state that it is drawn from, and the metrics for Prometheus. */
export const liveRoutes = ({ metrics, state }: Operations): readonly Route[] => [
  route({
    method: 'GET',
    path: '/',
    name: 'showOperations',
    summary: 'How this process and its cache are doing, for people',
    access: 'none',
    success: { status: 200, mediaType: 'text/html', description: 'A page that needs no network.' },
    run: async () => operationsPage(await assets.paths()),
  }),
  assets.route('getOperationsAsset', 'A part of the operations page'),
  route({
    method: 'GET',
    path: '/state',
    name: 'getState',
    summary: 'What the operations page is drawn from',
    access: 'none',
    success: { status: 200, description: 'The state, with the samples and events after the given ones.' },
    ...withQuery(liveStateQuery, async (_: Call, { after_sample: sample = 0, after_event: event = 0 }) =>
      json(200, liveStateToWire(await state({ sample, event }), version)),
    ),
  }),
  route({
    method: 'GET',
    path: '/metrics',
    name: 'getMetrics',
    summary: 'Metrics in the text format of Prometheus',
    access: 'none',
    success: { status: 200, mediaType: 'text/plain', description: 'The metrics.' },
    run: async (): Promise<Reply<never>> => ({
      status: 200,
      headers: [['content-type', metrics.contentType]],
      body: await metrics.read(),
    }),
  }),
];
