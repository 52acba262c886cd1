import { createHash } from 'node:crypto';
import { edgeProblems } from '../answer/edge-problems.ts';
import type { ProblemRow } from '../answer/problem-table.ts';
import type { Reply } from '../answer/reply.ts';
import type { Route } from '../route.ts';
import { type Content, Html, html } from './html.ts';
import { type JsonSchema, propertiesOf, toJsonSchema } from './json-schema.ts';

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code{font-family:ui-monospace,monospace;background:#f3f3f3;padding:0 .2em}
section{border-top:1px solid #ccc}table{border-collapse:collapse}td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#2a2a2a}a{color:#8bf}}`;

const styleHash = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;
const always = ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];

// No script, no file, no frame around the page; only the one style sheet, by its hash.
const policy = ["default-src 'none'", `style-src ${styleHash}`, ...always].join('; ');

// What the viewer needs: files of ours, requests to us, and the pictures inside its style sheet. No eval, nothing
// inline.
const viewerPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${styleHash}`,
  "connect-src 'self'",
  'img-src data:',
  ...always,
].join('; ');

/** Paths of files that a page loads, relative to it. */
export type PageFiles = { readonly sheets: readonly string[]; readonly scripts: readonly string[] };

const noFiles: PageFiles = { sheets: [], scripts: [] };

const page = (title: string, main: Html, { sheets, scripts }: PageFiles = noFiles): Reply<never> => ({
  status: 200,
  headers: [
    ['content-type', 'text/html; charset=utf-8'],
    ['content-security-policy', scripts.length === 0 ? policy : viewerPolicy],
  ],
  body: html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} - Kith</title><style>${new Html(style)}</style>${
    scripts.length === 0 ? '' : html`<link rel="icon" href="data:,">`
  }${sheets.map((path) => html`<link rel="stylesheet" href="${path}">`)}${scripts.map(
    (path) => html`<script src="${path}" defer></script>`,
  )}</head>
<body>${main}</body>
</html>
`.markup,
});

/** What a problem means and what to do about it. */
export const problemPage = (code: string, row: ProblemRow): Reply<never> =>
  page(
    row.title,
    html`<h1>${row.title}</h1><p><code>${code}</code>, status ${row.status}</p><p>${row.detail}</p><p>${row.advice}</p>`,
  );

/** All the routes on one page, whose links are relative to it, as a plain list. Where scripts run, the viewer replaces it. */
export const docsPage = (routes: readonly Route[], files: PageFiles): Reply<never> =>
  page(
    'API',
    html`<div id="viewer"></div><div id="plain"><h1>Kith</h1>
<p>Users and their contacts behind a cache that does not lie. For programs: <a href="openapi.json">OpenAPI 3.1</a>.</p>
<p>Send and expect JSON in UTF-8. Authenticate with <code>Authorization: Bearer &lt;access token&gt;</code>.
Errors are problems (RFC 9457), each explained by its page. Send <code>Cache-Control: no-cache</code> to read the database.</p>
<p>Every route can answer with ${links(edgeProblems.always)}</p>
${routes.map(routeSection)}</div>`,
    files,
  );

const routeSection = (route: Route): Html => html`
<section id="${route.name}"><h2><code>${route.method} ${route.path}</code></h2>
<p>${route.summary}. ${access[route.access]}</p>
${fieldTable('Body', route.body === undefined ? [] : propertiesOf(toJsonSchema(route.body)))}
${fieldTable('Query', route.query === undefined ? [] : propertiesOf(toJsonSchema(route.query, 'output')))}
<p>${route.success.status}: ${route.success.description}</p>
<p>${links(route.problems)}</p></section>`;

const access = { none: '', user: 'Needs a token.', admin: 'For administrators.' };

const fieldTable = (title: string, fields: ReturnType<typeof propertiesOf>): Content =>
  fields.length === 0
    ? ''
    : html`<table><tr><th>${title}</th><th></th><th></th></tr>${fields.map(
        ({ name, schema, required }) =>
          html`<tr><td><code>${name}</code></td><td>${required ? 'required' : ''}</td><td>${describe(schema)}</td></tr>`,
      )}</table>`;

const links = (codes: readonly string[]): Content =>
  codes.map((code) => html`<a href="problems/${code}">${code}</a> `);

const keywords = ['format', 'minLength', 'maxLength', 'maxItems', 'minimum', 'maximum', 'default', 'enum'];

const describe = (schema: JsonSchema): string => {
  const { type, anyOf, description } = schema;
  // A nullable field with limits: one alternative for the value, one for null.
  if (Array.isArray(anyOf)) return `${describe({ ...anyOf[0] })}, or null`;
  const limits = keywords
    .filter((word) => schema[word] !== undefined)
    .map((word) => `${word} ${schema[word]}`);
  return [type, ...limits, description].filter((part) => part !== undefined).join(', ');
};
