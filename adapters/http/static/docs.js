// @ts-check
// Puts Swagger UI in the place of the plain list of routes. Where scripts do not run, or its files are not there, the
// list stays: it says the same.

const start = () => {
  const SwaggerUI = Reflect.get(globalThis, 'SwaggerUIBundle');
  const viewer = document.getElementById('viewer');
  const plain = document.getElementById('plain');
  if (SwaggerUI === undefined || viewer === null || plain === null) return;
  // The viewer is dark if this class is set.
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', follow);
  follow();
  SwaggerUI({
    url: 'openapi.json',
    domNode: viewer,
    presets: [SwaggerUI.presets.apis],
    layout: 'BaseLayout',
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    deepLinking: true,
    // Tokens stay in this page and end with it, and no validator elsewhere hears of the document.
    persistAuthorization: false,
    validatorUrl: null,
    // Otherwise the query of the page could name another document.
    queryConfigEnabled: false,
    onComplete: () => {
      plain.hidden = true;
      document.body.className = 'viewing';
    },
  });
};

start();
