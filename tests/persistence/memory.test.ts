import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { describePersistence } from '../contracts/persistence.ts';

describePersistence('memory', async () => memoryDatabase());
