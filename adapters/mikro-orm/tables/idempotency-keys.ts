import { defineEntity, p } from '@mikro-orm/core';
import type { UsedKey } from '../../../domain/idempotency.ts';
import type { ContactId, UserId } from '../../../domain/identifiers.ts';
import { milliseconds, Row } from '../row.ts';
import { type PropertiesOf, type RowOf, type SelectedOf, selectList, type Table } from '../table.ts';
import { usersTable } from './users.ts';

/** The fields of a row: the owner is the user that it belongs to. When the key was used stands beside them. */
type Stored = Omit<UsedKey, 'ownerId'> & { readonly userId: UserId };

const IdempotencyKeyEntity = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  properties: {
    userId: () =>
      p
        .manyToOne(usersTable.entity)
        .mapToPk()
        .primary()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('cascade')
        .index(false),
    keyHash: p.text().primary(),
    draftHash: p.text(),
    // Of no table: the contact may be gone.
    contactId: p.uuid(),
    createdAt: p.datetime(3),
    usedAt: p.datetime(3),
  } satisfies PropertiesOf<Stored> & { readonly usedAt: unknown },
  indexes: [{ name: 'idempotency_keys_age_index', properties: ['userId', 'usedAt'] }],
});

export const idempotencyKeysTable: Table = {
  entity: IdempotencyKeyEntity,
  rights: ['select', 'insert', 'delete'],
};

const selected: SelectedOf<Stored> = {
  user_id: 'user_id',
  key_hash: 'key_hash',
  draft_hash: 'draft_hash',
  contact_id: 'contact_id',
  created_at: milliseconds('created_at'),
};

export const usedKeyColumns: string = selectList(selected);

export const parseUsedKey = (input: unknown): UsedKey => {
  const row = new Row('idempotency_keys', input);
  return {
    ownerId: row.text<UserId>('user_id'),
    keyHash: row.text('key_hash'),
    draftHash: row.text('draft_hash'),
    contactId: row.text<ContactId>('contact_id'),
    createdAtMs: row.time('created_at_ms'),
  };
};

export const usedKeyRow = (used: UsedKey): RowOf<Stored> => ({
  user_id: used.ownerId,
  key_hash: used.keyHash,
  draft_hash: used.draftHash,
  contact_id: used.contactId,
  created_at: new Date(used.createdAtMs).toISOString(),
});
