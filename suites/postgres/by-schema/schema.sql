-- Tenants apart by schema: the same tables stand in each, and a role of each tenant finds only its own.
--
--   createdb parcels && psql -d parcels -f schema.sql

\set ON_ERROR_STOP on
SET client_min_messages = warning;

DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['parcels_owner', 'parcels_north', 'parcels_south', 'parcels_service'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
    -- As it was, whatever was tried before.
    IF pg_has_role('parcels_north', 'parcels_south', 'MEMBER') THEN
        REVOKE parcels_south FROM parcels_north;
    END IF;
END
$roles$;
ALTER ROLE parcels_service LOGIN NOINHERIT;
GRANT parcels_north, parcels_south TO parcels_service;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA north AUTHORIZATION parcels_owner;
CREATE SCHEMA south AUTHORIZATION parcels_owner;
GRANT USAGE ON SCHEMA north TO parcels_north;
GRANT USAGE ON SCHEMA south TO parcels_south;

SET ROLE parcels_owner;
CREATE TABLE north.parcels (id text PRIMARY KEY, address text NOT NULL);
CREATE TABLE south.parcels (id text PRIMARY KEY, address text NOT NULL);
INSERT INTO north.parcels VALUES ('n-1', 'Pole street 1');
INSERT INTO south.parcels VALUES ('s-1', 'Beach road 1');
CREATE SEQUENCE north.numbers;
CREATE SEQUENCE south.numbers;
GRANT SELECT, INSERT, UPDATE, DELETE ON north.parcels TO parcels_north;
GRANT SELECT, INSERT, UPDATE, DELETE ON south.parcels TO parcels_south;
GRANT USAGE ON SEQUENCE north.numbers TO parcels_north;
GRANT USAGE ON SEQUENCE south.numbers TO parcels_south;
RESET ROLE;
