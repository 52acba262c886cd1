import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { describePersistence } from '../../contracts/persistence.ts';
import { silentLog } from './support.ts';

describePersistence('PGlite', () => openEmbedded({ dataDir: null }, silentLog));
