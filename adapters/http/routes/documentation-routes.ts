import { isProblemCode, problemRows } from '../answer/problem-table.ts';
import { problem } from '../answer/problems.ts';
import { json, type Reply } from '../answer/reply.ts';
import { Assets, packageFile } from '../pages/assets.ts';
import { openApi } from '../pages/openapi.ts';
import { docsPage, type PageFiles, problemPage } from '../pages/pages.ts';
import { type Route, route } from '../route.ts';

/** The page for each problem's `type`. */
export const problemRoute: Route = route({
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
});

/**
 * Swagger UI as built by its own project, from a package without an install script (see ARCHITECTURE.md), and the few
 * lines that start it.
 */
const viewer = new Assets('/docs/assets', {
  'docs.css': new URL('../static/docs.css', import.meta.url),
  'docs.js': new URL('../static/docs.js', import.meta.url),
  'swagger-ui.css': packageFile('@fastify/swagger-ui/static/swagger-ui.css'),
  'swagger-ui.js': packageFile('@fastify/swagger-ui/static/swagger-ui-bundle.js'),
});

/** The files of the viewer, or none if one is missing: the page is complete without the viewer. */
const viewerFiles = (paths: ReadonlyMap<string, string>): PageFiles => {
  const inOrder = (...names: readonly string[]) => names.flatMap((name) => paths.get(name) ?? []);
  return paths.size < 4
    ? { sheets: [], scripts: [] }
    : { sheets: inOrder('swagger-ui.css', 'docs.css'), scripts: inOrder('swagger-ui.js', 'docs.js') };
};

/** The description of all the routes, for programs and for people. Made at the first request, then kept. */
export const documentationRoutes = (routes: () => readonly Route[]): readonly Route[] => {
  const documents = new Map<string, Reply<never>>();
  let page: Reply<never> | undefined;
  return [
    problemRoute,
    route({
      method: 'GET',
      path: '/openapi.json',
      name: 'describe',
      summary: 'This API in OpenAPI 3.1',
      access: 'none',
      success: { status: 200, description: 'The description.' },
      run: ({ basePath }) => {
        const document = documents.get(basePath) ?? json(200, openApi(routes(), basePath));
        documents.set(basePath, document);
        return document;
      },
    }),
    route({
      method: 'GET',
      path: '/docs',
      name: 'showDocumentation',
      summary: 'This API for people',
      access: 'none',
      success: { status: 200, mediaType: 'text/html', description: 'A page that needs no network.' },
      run: async () => {
        page ??= docsPage(routes(), viewerFiles(await viewer.paths()));
        return page;
      },
    }),
    viewer.route('getDocumentationAsset', 'A part of the page for people'),
  ];
};
