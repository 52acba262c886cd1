import { defineEntity, p } from '@mikro-orm/core';
import { Row } from '../row.ts';
import type { Table } from '../table.ts';

const LoginAttemptsEntity = defineEntity({
  name: 'LoginAttempts',
  tableName: 'login_attempts',
  properties: {
    key: p.text().primary(),
    failures: p.integer(),
    lastAt: p.datetime(3),
    familiarUntil: p.datetime(3),
    expiresAt: p.datetime(3),
  },
  indexes: [{ name: 'login_attempts_expiry_index', properties: ['expiresAt'] }],
  checks: [{ name: 'login_attempts_failures_check', expression: 'failures >= 0' }],
});

export const loginAttemptsTable: Table = {
  entity: LoginAttemptsEntity,
  rights: ['select', 'insert', 'update', 'delete'],
};

/** Whether a guess was counted and so may be looked at, and how long the counters refuse. */
export const parseAdmission = (input: unknown): { readonly counted: boolean; readonly waitMs: number } => {
  const row = new Row('login_attempts', input);
  return { counted: row.boolean('counted'), waitMs: row.integer('wait_ms') };
};
