import { openApi } from './openapi.ts';
import { docsPage, problemPage } from './pages.ts';
import { isProblemCode, problemRows } from './problem-table.ts';
import { problem } from './problems.ts';
import { json, type Reply } from './reply.ts';
import type { Route } from './route.ts';

/** The page for each problem's `type`. */
export const problemRoute: Route = {
  method: 'GET',
  path: '/problems/{code}',
  name: 'explainProblem',
  summary: 'What a problem means and what to do about it',
  access: 'none',
  success: { status: 200, mediaType: 'text/html', description: 'A page for people.' },
  failures: ['not-found'],
  run: ({ parameter }) => {
    const code = parameter('code');
    return isProblemCode(code) ? problemPage(code, problemRows[code]) : problem('not-found');
  },
};

/** The description of all the routes, for programs and for people. Made at the first request, then kept. */
export const documentationRoutes = (routes: () => readonly Route[]): readonly Route[] => {
  let document: Reply | undefined;
  let page: Reply | undefined;
  return [
    problemRoute,
    {
      method: 'GET',
      path: '/openapi.json',
      name: 'describe',
      summary: 'This API in OpenAPI 3.1',
      access: 'none',
      success: { status: 200, description: 'The description.' },
      run: () => {
        document ??= json(200, openApi(routes()));
        return document;
      },
    },
    {
      method: 'GET',
      path: '/docs',
      name: 'showDocumentation',
      summary: 'This API for people',
      access: 'none',
      success: { status: 200, mediaType: 'text/html', description: 'A page that needs no network.' },
      run: () => {
        page ??= docsPage(routes());
        return page;
      },
    },
  ];
};
