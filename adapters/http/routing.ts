import type { Route } from './route.ts';

/** The rows that share a path: one of them for each method, and the value of Allow. */
export type RoutesOfPath = { readonly byMethod: ReadonlyMap<string, Route>; readonly allow: string };

/** The rows by h3's pattern for their path (`/users/:id`). GET rows answer HEAD too (RFC 9110, section 9.3.2). */
export const routesByPath = (routes: readonly Route[]): readonly (readonly [string, RoutesOfPath])[] =>
  [...Map.groupBy(routes, (route) => route.path)].map(([path, rows]) => {
    const byMethod = new Map<string, Route>();
    for (const route of rows) {
      byMethod.set(route.method, route);
      if (route.method === 'GET') byMethod.set('HEAD', route);
    }
    return [path.replace(/\{(\w+)\}/g, ':$1'), { byMethod, allow: [...byMethod.keys()].join(', ') }];
  });
