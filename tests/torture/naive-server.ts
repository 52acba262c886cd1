/** The product's server with the naive cache in the place of its own, and nothing else changed. */
import { listen } from '../../adapters/http/listen.ts';
import { compose, parseConfig } from '../../composition/compose.ts';
import { Secret } from '../../domain/secret.ts';
import { openNaiveCache } from './naive-cache.ts';

const config = parseConfig(process.env);
if (!config.ok) throw new Error(`not configured: ${config.error.map(({ name }) => name).join(', ')}`);
const { redis, bootstrapAdmin, http } = config.value;
const kith = await compose(config.value, { cache: await openNaiveCache(redis?.location) });
await listen(kith.http.fetch, http);
if (bootstrapAdmin !== undefined) {
  const { email, password } = bootstrapAdmin;
  await kith.bootstrapAdmin({ email, password: Secret.reveal(password) });
}
