import type { Reply } from '../answer/reply.ts';
import { html } from './html.ts';

// Our own files and nothing else: no inline script or style, no other host. uPlot sets styles through the DOM only.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  // The empty icon, so that nobody asks for /favicon.ico.
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const tile = (id: string, title: string, hint: string) => html`
<div class="tile"><h2>${title}</h2><p class="figure" id="${id}">&ndash;</p><p class="hint" id="${id}-hint">${hint}</p></div>`;

const chart = (id: string, title: string, hint: string) => html`
<figure class="card"><figcaption><h2>${title}</h2><p class="hint">${hint}</p></figcaption>
<div class="chart" id="${id}"></div><p class="empty" id="${id}-empty" hidden></p></figure>`;

const list = (id: string, title: string) => html`
<section class="card"><h2>${title}</h2><dl id="${id}"></dl></section>`;

/** The skeleton of the page; operations.js fills it from `/state`. `paths` are those of its files by name. */
export const operationsPage = (paths: ReadonlyMap<string, string>): Reply<never> => {
  const sheets = ['uplot.css', 'operations.css'].flatMap((name) => paths.get(name) ?? []);
  const scripts = ['uplot.js', 'operations.js'].flatMap((name) => paths.get(name) ?? []);
  return {
    status: 200,
    headers: [
      ['content-type', 'text/html; charset=utf-8'],
      ['content-security-policy', policy],
    ],
    body: html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>Kith operations</title>
<link rel="icon" href="data:,">
${sheets.map((path) => html`<link rel="stylesheet" href="${path}">`)}
${scripts.map((path) => html`<script src="${path}" defer></script>`)}</head>
<body>
<header><h1>Kith</h1><p id="status" class="status" role="status">connecting</p><p id="about" class="hint"></p></header>
<noscript><p>This page needs JavaScript. Without it: <a href="health/cache">health of the cache</a>, <a href="metrics">metrics</a>.</p></noscript>
<ul id="notices" class="notices"></ul>
<main>
<div class="tiles">
${tile('hit-rate', 'Hit rate', 'last minute')}
${tile('throughput', 'Requests', 'per second, last minute')}
${tile('latency', 'Latency p99', 'last minute')}
${tile('staleness', 'Staleness', 'age of the last proof')}
</div>
<div class="charts">
${chart('chart-lookups', 'Look-ups by what answered', 'per second; what no tier has comes from the database')}
${chart('chart-hit-rate', 'Hit rate', 'percent of look-ups that memory or Redis answered')}
${chart('chart-latency', 'Latency of requests', 'milliseconds until the answer was made')}
${chart('chart-staleness', 'Staleness against its bound', 'milliseconds; past the bound, memory stops serving')}
</div>
<div class="panels">
${list('tiers', 'Cache')}
${list('log', 'Log and gate')}
${list('database', 'Database')}
${list('people', 'Log-ins and limits')}
</div>
<section class="card"><h2>Reads by kind</h2><p class="hint">since the start; the share of the reads that came to a tier which it answered</p>
<div class="scroll"><table id="reads"><thead><tr><th scope="col">kind</th><th scope="col">memory</th><th scope="col">Redis</th><th scope="col">reads</th><th scope="col">fenced</th><th scope="col">no cache</th></tr></thead><tbody></tbody></table></div></section>
<section class="card"><h2>Recent events</h2><ol id="events" class="events"></ol><p class="empty" id="events-empty">Nothing was logged yet.</p></section>
</main>
<footer class="hint"><a href="metrics">metrics</a> <a href="health/cache">health</a> <span id="updated"></span></footer>
</body>
</html>
`.markup,
  };
};
