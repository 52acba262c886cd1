/**
 * SPLIT: how an instance stays with one database where its address leads to two.
 *
 * After a fail-over the old primary may come back and take writes, and a name or a proxy may lead to it again. Connections
 * that stand stay where they are, new ones lead there: then one database would be read and written, and the log of another
 * one be read, in which its changes are not. So a connection is lent only if it leads to the database whose log is read,
 * which shows by the epoch. One that leads elsewhere is not used, and the checks of the log are asked to go where the
 * address leads now. Once they do, the connections to the database of before are closed.
 *
 * Behind a pooler in transaction mode the connection to the pooler tells where one transaction went, and no more.
 */
import { epochIn } from '../../application/caching/log-reader.ts';
import { DatabaseSilent } from '../../domain/faults.ts';
import { toFault, Unreachable } from './faults.ts';
import { ask, type PgClient } from './postgres-driver.ts';

export type OneDatabaseNeeds = {
  /** How long after an answered check the log still counts as read, in milliseconds. */
  readonly readForMs: number;
  /** Closes the connections of the pool that do not lead to where the log is read; those that are lent, when they come back. */
  readonly keepOnly: (leadsThere: (client: PgClient) => boolean) => void;
  /** Lets the next check of the log go where the address leads now, and asks for one. */
  readonly lookAgain: () => void;
};

export class OneDatabase {
  readonly #needs: OneDatabaseNeeds;
  readonly #epochs = new WeakMap<PgClient, string>();
  #read: { readonly epoch: string; readonly atMs: number } | undefined;

  constructor(needs: OneDatabaseNeeds) {
    this.#needs = needs;
  }

  /** A check of the log was answered; `undefined`: by a database whose log is not begun. */
  answered(identity: string | undefined): void {
    if (identity === undefined) return;
    const epoch = epochIn(identity);
    const isOther = epoch !== this.#read?.epoch;
    this.#read = { epoch, atMs: performance.now() };
    if (isOther) this.#needs.keepOnly((client) => (this.#epochs.get(client) ?? epoch) === epoch);
  }

  /** Rejects with `Unreachable` if a new connection leads elsewhere, or with the driver's error. */
  async mustBeIt(client: PgClient): Promise<void> {
    const epoch = await epochAt(client);
    if (epoch === undefined) return;
    this.#epochs.set(client, epoch);
    const read = this.#read;
    // A log that is not read opens no gate: then whatever answers is served past every cache.
    if (read === undefined || performance.now() - read.atMs > this.#needs.readForMs || read.epoch === epoch)
      return;
    this.#needs.lookAgain();
    throw new Unreachable('the address leads to another database than the one whose log is read');
  }
}

/** Empty where a crash took the state of the log, and nobody has begun it since; `undefined`: it does not tell. */
const epochAt = async (client: PgClient): Promise<string | undefined> => {
  try {
    const { epoch } = await ask(client, `select split_part(kith_proof(), ' ', 1) as epoch`);
    return typeof epoch === 'string' ? epoch : '';
  } catch (error) {
    if (toFault(error) instanceof DatabaseSilent) throw error;
    return undefined;
  }
};
