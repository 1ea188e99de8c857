-- Tenants apart by database: each has one to itself, and a user who may enter no other.
--
--   for tenant in east west; do createdb letters_$tenant && psql -d letters_$tenant -v tenant=$tenant -f schema.sql; done

\set ON_ERROR_STOP on
SET client_min_messages = warning;
\set tenant_role letters_ :tenant

SELECT format('CREATE ROLE %I LOGIN', :'tenant_role')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'tenant_role') \gexec

-- PUBLIC may enter every new database until somebody says otherwise.
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO :"tenant_role";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"tenant_role";

CREATE TABLE letters (id text PRIMARY KEY, body text NOT NULL);
INSERT INTO letters VALUES (:'tenant' || '-1', 'Dear ' || :'tenant');
GRANT SELECT ON letters TO :"tenant_role";
