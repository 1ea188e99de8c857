-- A publishing system in one database: the tenants' rows stand side by side, and row security keeps them apart.
--
--   createdb press && psql -d press -f schema.sql -f rows.sql
--
-- Who asks, and for which tenant, is said by two settings, for one transaction each: `app.user_id` and `app.tenant_id`.
-- Where they are not set, nothing is shown.

\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- press_owner has the tables and cannot log in; press_app is what people are while they are served; press_service is
-- what the service logs in as, and may only become press_app.
DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['press_owner', 'press_app', 'press_service'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
$roles$;
ALTER ROLE press_owner NOLOGIN NOSUPERUSER NOBYPASSRLS;
ALTER ROLE press_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
ALTER ROLE press_service LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT;
GRANT press_app TO press_service;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA press AUTHORIZATION press_owner;
GRANT USAGE ON SCHEMA press TO press_app;

SET ROLE press_owner;
SET search_path = press;

CREATE TABLE tenants (
    id text PRIMARY KEY
);

CREATE TABLE users (
    id text PRIMARY KEY,
    name text NOT NULL
);

-- Roles as many applications keep them: what a role may do, what it includes, who has it where.
CREATE TABLE roles (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    description text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE permissions (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource text NOT NULL,
    action text NOT NULL,
    UNIQUE (resource, action)
);

CREATE TABLE role_permissions (
    role_id integer NOT NULL REFERENCES roles ON DELETE CASCADE,
    permission_id integer NOT NULL REFERENCES permissions ON DELETE CASCADE,
    PRIMARY KEY (role_id, permission_id)
);

-- The parent has all that the child has.
CREATE TABLE role_hierarchy (
    parent_role_id integer NOT NULL REFERENCES roles ON DELETE CASCADE,
    child_role_id integer NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (parent_role_id, child_role_id)
);

CREATE TABLE user_roles (
    user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
    role_id integer NOT NULL REFERENCES roles ON DELETE CASCADE,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    granted_by text REFERENCES users,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, role_id, tenant_id)
);

CREATE TABLE posts (
    id text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    tenant_id text NOT NULL REFERENCES tenants,
    author_id text NOT NULL REFERENCES users,
    slug text NOT NULL,
    title text NOT NULL,
    -- Within a tenant: a name that is taken elsewhere must not be told by a duplicate key.
    UNIQUE (tenant_id, slug)
);

CREATE TABLE shares (
    post_id text NOT NULL REFERENCES posts ON DELETE CASCADE,
    with_tenant_id text NOT NULL REFERENCES tenants,
    until timestamptz,
    PRIMARY KEY (post_id, with_tenant_id)
);
CREATE INDEX ON shares (with_tenant_id);
CREATE INDEX ON posts (author_id);
CREATE INDEX ON user_roles (tenant_id);

-- Who asks. Nobody, where nothing is set; and an empty setting is what a finished transaction leaves behind.
CREATE FUNCTION me() RETURNS text
    LANGUAGE sql STABLE SET search_path = '' RETURN nullif(current_setting('app.user_id', true), '');
CREATE FUNCTION my_tenant() RETURNS text
    LANGUAGE sql STABLE SET search_path = '' RETURN nullif(current_setting('app.tenant_id', true), '');

-- Whether who asks has a permission in a tenant, through any role and what that includes.
CREATE FUNCTION may(tenant text, resource text, action text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = ''
BEGIN ATOMIC
    WITH RECURSIVE had (role_id) AS (
        SELECT user_roles.role_id FROM press.user_roles
        WHERE user_roles.user_id = press.me() AND user_roles.tenant_id = may.tenant
        UNION
        SELECT role_hierarchy.child_role_id FROM press.role_hierarchy JOIN had ON had.role_id = role_hierarchy.parent_role_id
    )
    SELECT EXISTS (
        SELECT FROM had
        JOIN press.role_permissions USING (role_id)
        JOIN press.permissions ON permissions.id = role_permissions.permission_id
        WHERE permissions.resource = may.resource AND permissions.action = may.action
    );
END;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE roles FORCE ROW LEVEL SECURITY;
ALTER TABLE permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE permissions FORCE ROW LEVEL SECURITY;
ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_permissions FORCE ROW LEVEL SECURITY;
ALTER TABLE role_hierarchy ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_hierarchy FORCE ROW LEVEL SECURITY;
ALTER TABLE user_roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_roles FORCE ROW LEVEL SECURITY;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
ALTER TABLE posts FORCE ROW LEVEL SECURITY;
ALTER TABLE shares ENABLE ROW LEVEL SECURITY;
ALTER TABLE shares FORCE ROW LEVEL SECURITY;

-- Whoever is somebody may read what roles there are; of who has them, only oneself.
CREATE POLICY known ON roles FOR SELECT TO press_app USING (me() IS NOT NULL);
CREATE POLICY known ON permissions FOR SELECT TO press_app USING (me() IS NOT NULL);
CREATE POLICY known ON role_permissions FOR SELECT TO press_app USING (me() IS NOT NULL);
CREATE POLICY known ON role_hierarchy FOR SELECT TO press_app USING (me() IS NOT NULL);
CREATE POLICY own ON user_roles FOR SELECT TO press_app USING (user_id = me());
CREATE POLICY own ON users FOR SELECT TO press_app USING (id = me());
CREATE POLICY own ON tenants FOR SELECT TO press_app USING (id = my_tenant());

CREATE POLICY own ON shares FOR SELECT TO press_app
    USING (with_tenant_id = my_tenant() AND (until IS NULL OR until > now()));

-- Whoever is let into a tenant reads what stands there, and what others share with it.
CREATE POLICY reading ON posts FOR SELECT TO press_app USING (me() IS NOT NULL AND tenant_id = my_tenant());
CREATE POLICY shared ON posts FOR SELECT TO press_app
    USING (me() IS NOT NULL AND EXISTS (SELECT FROM shares WHERE shares.post_id = posts.id));
CREATE POLICY making ON posts FOR INSERT TO press_app
    WITH CHECK (tenant_id = my_tenant() AND author_id = me() AND may(tenant_id, 'post', 'create'));
CREATE POLICY changing ON posts FOR UPDATE TO press_app
    USING (tenant_id = my_tenant() AND (may(tenant_id, 'post', 'update') OR author_id = me()))
    WITH CHECK (tenant_id = my_tenant() AND (may(tenant_id, 'post', 'update') OR author_id = me()));
CREATE POLICY removing ON posts FOR DELETE TO press_app
    USING (tenant_id = my_tenant() AND may(tenant_id, 'post', 'delete'));

-- What readers see first; with the rights of whoever looks, not of whoever made the view.
CREATE VIEW titles WITH (security_invoker = true) AS SELECT id, tenant_id, title FROM posts;

-- How many posts there are, of those that who asks may read.
CREATE FUNCTION count_posts() RETURNS bigint
    LANGUAGE sql STABLE SET search_path = '' BEGIN ATOMIC SELECT count(*) FROM press.posts; END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA press FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA press REVOKE ALL ON FUNCTIONS FROM PUBLIC;
GRANT EXECUTE ON FUNCTION me(), my_tenant(), may(text, text, text), count_posts() TO press_app;
GRANT SELECT ON tenants, users, roles, permissions, role_permissions, role_hierarchy, user_roles, shares, titles TO press_app;
GRANT SELECT, INSERT, DELETE ON posts TO press_app;
-- A post stays with its tenant and its author.
GRANT UPDATE (slug, title) ON posts TO press_app;

RESET ROLE;
