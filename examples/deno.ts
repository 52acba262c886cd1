/** Kith on Deno's own server: `deno run --allow-all deno.ts`. */
import { compose, configFrom } from '@kith/kith';

const kith = await compose(configFrom(Deno.env.toObject()));

const hello = async (request: Request): Promise<Response> => {
  const token = request.headers.get('authorization')?.replace(/^Bearer /i, '') ?? '';
  const caller = await kith.useCases.authenticate(token);
  if (!caller.ok) return new Response(caller.error.code, { status: 401 });
  return new Response(`Hello ${caller.value.value.username}`);
};

const server = Deno.serve(
  {
    port: Number(Deno.env.get('PORT') ?? 3000),
    onListen: ({ port }) => console.log(`listening on http://localhost:${port}`),
  },
  // A route of your own, then Kith's API. The address is what limits of log-ins go by.
  (request, { remoteAddr }) =>
    new URL(request.url).pathname === '/hello'
      ? hello(request)
      : kith.fetch(request, { ip: remoteAddr.hostname }),
);
Deno.addSignalListener(
  'SIGTERM',
  () =>
    void server
      .shutdown()
      .then(() => kith.close())
      .then(() => Deno.exit()),
);
