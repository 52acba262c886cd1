/**
 * What lists and searches of contacts are read from beside the contacts themselves, and how it is kept right whoever writes:
 *
 * - `contact_counts`: how many contacts an owner has, as the sum of a few rows. Each statement adds a row with what it
 *   changed, so that no two writers wait for each other; from time to time a writer puts the rows of an owner together.
 * - `contact_search`: the text of each contact as a search compares it (domain/folding.ts), in the order of the list. One
 *   index holds all of it, so that a search reads an owner's part of one index and then the contacts of the page.
 *
 * They are tables of their own: a column of `users` or `contacts` would drop cached records, count versions up, and take a
 * lock that stops readers. What is old is filled in by batches (run-migrations.ts), while all others go on. It cannot come
 * out wrong: from the moment that the triggers are there, every snapshot shows as many contacts of an owner as the rows of
 * their count and those that were there before, so their difference is the same in all of them.
 */
import { foldedAway, foldedTo, foldedToSpace } from '../../domain/folding.ts';

type Range = (typeof foldedAway)[number];

const escaped = (code: number): string =>
  code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;

const classOf = (ranges: readonly Range[]): string =>
  `[${ranges.map(([first, last]) => `${escaped(first)}-${escaped(last)}`).join('')}]+`;

const asciiSpaces = ['\t', '\n', '\v', '\f', '\r'].map((space) => [space, ' '] as const);
const ascii = [...[...foldedTo].filter(([from]) => from < '\u0080'), ...asciiSpaces];
const others = [...foldedTo].filter(([from]) => from >= '\u0080');

/** In ASCII, so that no client's encoding matters, and without the placeholder of the driver. */
const table = JSON.stringify(Object.fromEntries(others)).replace(
  /[?\u0080-\uffff]/g,
  (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
);

/** `foldText` of domain/folding.ts, in the database. */
const folding = [
  `create function kith_fold(input text) returns text language plpgsql immutable strict parallel safe as $fold$
  declare
    folded text collate "C" := translate(input, '${ascii.map(([from]) => from).join('')}', '${ascii.map(([, to]) => to).join('')}');
  begin
    if octet_length(folded) <> char_length(folded) then
      folded := regexp_replace(folded, $re$${classOf(foldedAway)}$re$, '', 'g');
      folded := (select string_agg(coalesce($map$${table}$map$::jsonb ->> character, character), '' order by place)
        from regexp_split_to_table(folded, '') with ordinality as characters (character, place));
      folded := coalesce(regexp_replace(folded, $re$${classOf(foldedToSpace)}$re$, ' ', 'g'), '');
    elsif position('  ' in folded) > 0 then
      folded := regexp_replace(folded, ' +', ' ', 'g');
    end if;
    return btrim(folded);
  end $fold$`,
  // As `searchedText` of domain/contact.ts.
  `create function kith_searched_text(first_name text, last_name text, organization text, email text, phone text) returns text
  language plpgsql immutable parallel safe as $$
  begin
    return kith_fold(concat_ws(' ', first_name, last_name, organization, email)) || chr(10) || kith_fold(coalesce(phone, ''));
  end $$`,
];

/** A text that is longer is not kept, for an entry of an index has to fit into a third of a page: it is made when it is read. */
const maxIndexedBytes = 2000;

const tables = [
  'create table contact_counts (user_id uuid not null, total int not null)',
  'create index contact_counts_index on contact_counts (user_id)',
  `create table contact_search (
    user_id uuid not null,
    created_at timestamptz(3) not null,
    contact_id uuid not null,
    folded text collate "C",
    primary key (user_id, created_at, contact_id) include (folded)
  )`,
];

/**
 * From how many rows of an owner on they are put together. Only one insert in four looks, for to look takes longer than to
 * count, so there may be some more.
 */
const manyCountRows = 8;

const keeping = [
  // Of fields and not of a row: a function of the row's type would keep its table from being dropped and restored.
  `create function kith_kept_text(first_name text, last_name text, organization text, email text, phone text)
  returns text language plpgsql immutable as $$
  declare
    folded text := kith_searched_text(first_name, last_name, organization, email, phone);
  begin
    return case when octet_length(folded) <= ${maxIndexedBytes} then folded end;
  end $$`,
  // A contact that moves to another owner, and the changes of a subscriber of logical replication, for which the triggers of
  // statements do not fire, are counted here; other changes by the statement.
  `create function kith_derive_contact() returns trigger language plpgsql security definer as $$
  begin
    if tg_op = 'UPDATE'
      and (new.user_id, new.created_at, new.id) = (old.user_id, old.created_at, old.id)
      and (new.first_name, new.last_name, new.organization, new.email, new.phone)
        is not distinct from (old.first_name, old.last_name, old.organization, old.email, old.phone)
    then
      return null;
    end if;
    if tg_op <> 'INSERT' then
      delete from contact_search
        where user_id = old.user_id and created_at = old.created_at and contact_id = old.id;
    end if;
    if tg_op <> 'DELETE' then
      insert into contact_search values (new.user_id, new.created_at, new.id, kith_kept_text(
          new.first_name, new.last_name, new.organization, new.email, new.phone))
        on conflict (user_id, created_at, contact_id) do update set folded = excluded.folded;
    end if;
    if tg_op = 'UPDATE' then
      if new.user_id <> old.user_id then
        insert into contact_counts values (old.user_id, -1), (new.user_id, 1);
      end if;
    elsif current_setting('session_replication_role') = 'replica' then
      insert into contact_counts
        select case tg_op when 'INSERT' then new.user_id else old.user_id end,
          case tg_op when 'INSERT' then 1 else -1 end;
    end if;
    return null;
  end $$`,
  // Owner by owner, for a plan that is kept for many owners would read the whole table for one.
  // Rows that somebody holds are left where they are, so nobody waits. Where a transaction keeps one snapshot, to take a row
  // that another one took would be an error of it. After a deletion nothing is left of an owner without contacts.
  `create function kith_count_contacts() returns trigger language plpgsql security definer as $$
  begin
    if current_setting('session_replication_role') = 'replica' then
      return null;
    end if;
    insert into contact_counts
      select user_id, count(*) * case tg_op when 'INSERT' then 1 else -1 end from changed group by user_id;
    if current_setting('transaction_isolation') = 'read committed' and (tg_op = 'DELETE' or random() < 0.25) then
      with many as (
        select user_id from (select distinct user_id from changed) owners
          where (select count(*) from contact_counts counts where counts.user_id = owners.user_id)
            > case tg_op when 'INSERT' then ${manyCountRows} else 1 end
      ), taken as (
        delete from contact_counts where ctid = any (array(
          select held.place from many cross join lateral (
            select ctid as place from contact_counts counts where counts.user_id = many.user_id for update skip locked
          ) held
        )) returning user_id, total
      )
      insert into contact_counts select user_id, sum(total) from taken group by user_id having sum(total) <> 0;
    end if;
    return null;
  end $$`,
  `create function kith_derive_truncate() returns trigger language plpgsql security definer as $$
  begin
    truncate contact_counts, contact_search;
    return null;
  end $$`,
  // Temporary tables last, as for the log.
  `do $$ declare name text; begin
    foreach name in array array['kith_derive_contact', 'kith_count_contacts', 'kith_derive_truncate'] loop
      execute format('alter function %I() set search_path to %I, pg_temp', name, current_schema());
    end loop;
  end $$`,
];

/**
 * One batch each: from one id on, so many; the last id, or NULL at the end. The texts are written with their contacts locked
 * against changes, or a change under way could be missed; for one batch, and without waiting for anybody: where a contact is
 * locked by somebody else, the answer is the first id again. What is there already is put right.
 */
const filling = [
  `create function kith_fill_counts(first uuid, many int) returns uuid language plpgsql as $$
  declare
    last uuid := (select id from (select id from users where id >= first order by id limit many) batch
      order by id desc limit 1);
  begin
    insert into contact_counts
      select user_id, sum(missing) from (
        select user_id, count(*) as missing from contacts where user_id between first and last group by user_id
        union all
        select user_id, -sum(total) from contact_counts where user_id between first and last group by user_id
      ) seen group by user_id having sum(missing) <> 0;
    return nullif(last, first);
  end $$`,
  `create function kith_fill_search(first uuid, many int) returns uuid language plpgsql as $$
  declare
    last uuid;
  begin
    with batch as materialized (
      select id from contacts where id >= first order by id limit many
    ), locked as materialized (
      select id, user_id, created_at, first_name, last_name, organization, email, phone from contacts
        where id = any (array(select id from batch)) for share skip locked
    ), filled as (
      insert into contact_search select user_id, created_at, id, kith_kept_text(first_name, last_name, organization, email, phone) from locked
        on conflict (user_id, created_at, contact_id) do update set folded = excluded.folded
          where contact_search.folded is distinct from excluded.folded
    )
    select case when (select count(*) from locked) < (select count(*) from batch) then first
      else (select nullif(id, first) from batch order by id desc limit 1) end into last;
    return last;
  end $$`,
];

/** The last of it, for each holds up writers of contacts until the end of the migration; no reader. */
const triggers = [
  `create trigger kith_derive after insert or update or delete on contacts
    for each row execute function kith_derive_contact()`,
  ...(['insert', 'delete'] as const).map(
    (event) => `create trigger kith_count_${event} after ${event} on contacts
      referencing ${event === 'insert' ? 'new' : 'old'} table as changed
      for each statement execute function kith_count_contacts()`,
  ),
  `create trigger kith_derive_truncate after truncate on contacts
    for each statement execute function kith_derive_truncate()`,
  ...['kith_derive', 'kith_count_insert', 'kith_count_delete', 'kith_derive_truncate'].map(
    (name) => `alter table contacts enable always trigger ${name}`,
  ),
];

/** What the migration `0007-contact-lists` does. */
export const contactLists: readonly string[] = [...folding, ...tables, ...keeping, ...filling, ...triggers];

/** The functions that fill in what is older than `0007-contact-lists`, and how many rows are a batch of each. */
export const contactFills: readonly (readonly [name: string, rows: number])[] = [
  ['kith_fill_counts', 1000],
  ['kith_fill_search', 500],
];
