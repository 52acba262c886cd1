import type { Operations } from '../operations.ts';
import type { Route } from '../route.ts';
import { accountRoutes } from './account-routes.ts';
import { adminRoutes } from './admin-routes.ts';
import { contactRoutes } from './contact-routes.ts';
import { documentationRoutes, problemRoute } from './documentation-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { liveRoutes } from './operations-routes.ts';
import { userRoutes } from './user-routes.ts';

/** Everything that the public listener answers. */
export const publicRoutes: readonly Route[] = [
  ...accountRoutes,
  ...userRoutes,
  ...contactRoutes,
  ...adminRoutes,
  ...healthRoutes('short'),
  ...documentationRoutes(() => publicRoutes),
];

/** Everything that the operations listener answers. */
export const operationsRoutes = (operations?: Operations): readonly Route[] => [
  ...healthRoutes('whole'),
  ...(operations === undefined ? [] : liveRoutes(operations)),
  problemRoute,
];
