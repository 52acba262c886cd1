import { defineEntity, p } from '@mikro-orm/core';
import type { Contact } from '../../../domain/contact.ts';
import type { ContactEmail } from '../../../domain/contact-email.ts';
import type { ContactId, Phone, UserId } from '../../../domain/identifiers.ts';
import { milliseconds, Row } from '../row.ts';
import { checksOf } from '../rules.ts';
import { type PropertiesOf, type RowOf, type SelectedOf, selectList, type Table } from '../table.ts';
import { usersTable } from './users.ts';

/** The fields of a row: the owner is the user that it belongs to. */
type Stored = Omit<Contact, 'ownerId'> & {
  readonly userId: Contact['ownerId'];
  /** Without it the year of the date is 4, a leap year, and means nothing. */
  readonly birthdayHasYear: boolean;
};

const yearOfNoYear = '0004';

const ContactEntity = defineEntity({
  name: 'Contact',
  tableName: 'contacts',
  properties: {
    id: p.uuid().primary(),
    userId: () =>
      p
        .manyToOne(usersTable.entity)
        .mapToPk()
        .fieldName('user_id')
        .deleteRule('cascade')
        .updateRule('cascade')
        .index(false),
    firstName: p.text().nullable(),
    lastName: p.text().nullable(),
    organization: p.text().nullable(),
    email: p.text().nullable(),
    phone: p.text().nullable(),
    birthday: p.date().nullable(),
    birthdayHasYear: p.boolean().default(true),
    notes: p.text().nullable(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
    version: p.integer(),
  } satisfies PropertiesOf<Stored>,
  // Read backwards for newest first.
  indexes: [{ name: 'contacts_list_index', properties: ['userId', 'createdAt', 'id'] }],
  checks: [{ name: 'contacts_version_check', expression: 'version >= 1' }, ...checksOf('contacts')],
});

export const contactsTable: Table = {
  entity: ContactEntity,
  rights: ['select', 'insert', 'update', 'delete'],
};

const selected: SelectedOf<Omit<Stored, 'birthdayHasYear'>> = {
  id: 'id',
  user_id: 'user_id',
  first_name: 'first_name',
  last_name: 'last_name',
  organization: 'organization',
  email: 'email',
  phone: 'phone',
  birthday: `to_char(birthday, case when birthday_has_year then 'YYYY-MM-DD' else '--MM-DD' end) as birthday`,
  notes: 'notes',
  created_at: milliseconds('created_at'),
  updated_at: milliseconds('updated_at'),
  version: 'version',
};

export const contactColumns: string = selectList(selected);

export const parseContact = (input: unknown): Contact => {
  const row = new Row('contacts', input);
  return {
    id: row.text<ContactId>('id'),
    ownerId: row.text<UserId>('user_id'),
    firstName: row.nullable('first_name', row.text),
    lastName: row.nullable('last_name', row.text),
    organization: row.nullable('organization', row.text),
    email: row.nullable('email', row.text<ContactEmail>),
    phone: row.nullable('phone', row.text<Phone>),
    birthday: row.nullable('birthday', row.text),
    notes: row.nullable('notes', row.text),
    createdAtMs: row.time('created_at_ms'),
    updatedAtMs: row.time('updated_at_ms'),
    version: row.integer('version'),
  };
};

export const contactRow = (contact: Contact): RowOf<Stored> => ({
  id: contact.id,
  user_id: contact.ownerId,
  first_name: contact.firstName,
  last_name: contact.lastName,
  organization: contact.organization,
  email: contact.email,
  phone: contact.phone,
  birthday: contact.birthday?.replace(/^--/, `${yearOfNoYear}-`) ?? null,
  birthday_has_year: contact.birthday?.startsWith('--') !== true,
  notes: contact.notes,
  created_at: new Date(contact.createdAtMs).toISOString(),
  updated_at: new Date(contact.updatedAtMs).toISOString(),
  version: contact.version,
});
