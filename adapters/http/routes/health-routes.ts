import { problem } from '../answer/problems.ts';
import { json } from '../answer/reply.ts';
import { type Route, route } from '../route.ts';
import * as shape from '../wire/representations.ts';
import { cacheHealthToWire, wholeCacheHealthToWire } from '../wire/wire.ts';

/** What load balancers and monitors ask. The whole state of the cache is for operators only. */
export const healthRoutes = (detail: 'short' | 'whole'): readonly Route[] => [
  route({
    method: 'GET',
    path: '/health/live',
    name: 'checkLiveness',
    summary: 'Whether the process runs',
    access: 'none',
    success: { status: 200, schema: shape.liveness, description: 'It runs.' },
    run: () => json(200, { status: 'alive' }),
  }),
  route({
    method: 'GET',
    path: '/health/ready',
    name: 'checkReadiness',
    summary:
      'Whether requests should be sent here: the start has ended, and the database answers. The cache does not matter',
    access: 'none',
    success: { status: 200, schema: shape.readiness, description: 'Ready.' },
    failures: ['starting', 'shutting-down'],
    run: async ({ application, whyNotReady }) => {
      const why = whyNotReady();
      if (why === 'shutting-down') return problem(why);
      if (!(await application.checkReadiness())) return problem('database-unavailable');
      return why === undefined ? json(200, { status: 'ready' }) : problem(why);
    },
  }),
  route({
    method: 'GET',
    path: '/health/cache',
    name: 'getCacheStatus',
    summary: 'Whether the cache works; 200 also when it does not',
    access: 'none',
    success: {
      status: 200,
      schema: detail === 'short' ? shape.cacheHealth : shape.wholeCacheHealth,
      description: 'The state of the cache.',
    },
    run: async ({ application }) => {
      const health = await application.getCacheStatus();
      return json(200, detail === 'short' ? cacheHealthToWire(health) : wholeCacheHealthToWire(health));
    },
  }),
];
