import type { Table } from './table.ts';
import { contactsTable } from './tables/contacts.ts';
import { idempotencyKeysTable } from './tables/idempotency-keys.ts';
import { loginAttemptsTable } from './tables/login-attempts.ts';
import { usersTable } from './tables/users.ts';

/** All tables; a test holds them against what the migrations make. */
export const tables: readonly Table[] = [usersTable, contactsTable, idempotencyKeysTable, loginAttemptsTable];
