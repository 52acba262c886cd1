#!/bin/sh
# Runs once, when the database is made: one role owns the tables and migrates, another serves (docs/security.md). What
# the second may do comes from `kith migrate --grant kith_app`, after each migration.
set -eu
psql --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set=owner="$KITH_OWNER_PASSWORD" --set=app="$KITH_DATABASE_PASSWORD" <<'SQL'
create role kith_owner login password :'owner';
create role kith_app login password :'app';
create database kith owner kith_owner;
\connect kith
revoke all on schema public from public;
alter schema public owner to kith_owner;
SQL
