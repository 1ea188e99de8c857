-- A database in the shape that Supabase gives it: the caller's token is in the setting `request.jwt.claims`, and
-- policies ask `auth.uid()` and `auth.jwt()` for it. The roles are those of Supabase: the gateway logs in as
-- `authenticator` and becomes `anon`, `authenticated` or, for servers only, `service_role`, which row security does
-- not hold. `circle_prover` enters for the suite: as the gateway does, but it cannot become `service_role`, so that what
-- it is shown is what policies show.
--
--   createdb circle && psql -d circle -f schema.sql -f rows.sql

\set ON_ERROR_STOP on
SET client_min_messages = warning;

DO $roles$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['anon', 'authenticated', 'service_role', 'authenticator', 'circle_prover', 'circle_owner'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
$roles$;
ALTER ROLE anon NOLOGIN NOINHERIT NOBYPASSRLS;
ALTER ROLE authenticated NOLOGIN NOINHERIT NOBYPASSRLS;
ALTER ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
ALTER ROLE authenticator LOGIN NOINHERIT NOBYPASSRLS;
ALTER ROLE circle_prover LOGIN NOINHERIT NOBYPASSRLS;
ALTER ROLE circle_owner NOLOGIN NOBYPASSRLS;
GRANT anon, authenticated, service_role TO authenticator;
GRANT anon, authenticated TO circle_prover;

-- What Supabase's own `auth` schema gives to policies.
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role, circle_owner;

CREATE TABLE auth.users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text UNIQUE,
    raw_app_meta_data jsonb NOT NULL DEFAULT '{}',
    raw_user_meta_data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
GRANT REFERENCES ON auth.users TO circle_owner;

CREATE FUNCTION auth.jwt() RETURNS jsonb
    LANGUAGE sql STABLE SET search_path = '' RETURN
        coalesce(nullif(current_setting('request.jwt.claim', true), ''), nullif(current_setting('request.jwt.claims', true), ''))::jsonb;
CREATE FUNCTION auth.uid() RETURNS uuid
    LANGUAGE sql STABLE SET search_path = '' RETURN
        coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''), auth.jwt() ->> 'sub')::uuid;
CREATE FUNCTION auth.role() RETURNS text
    LANGUAGE sql STABLE SET search_path = '' RETURN
        coalesce(nullif(current_setting('request.jwt.claim.role', true), ''), auth.jwt() ->> 'role');
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA auth FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA auth TO anon, authenticated, service_role, circle_owner;

-- The application's own tables.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
GRANT CREATE, USAGE ON SCHEMA public TO circle_owner;
SET ROLE circle_owner;

CREATE TABLE public.profiles (
    id uuid PRIMARY KEY REFERENCES auth.users,
    name text NOT NULL
);

CREATE TABLE public.organizations (
    id text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE public.organization_members (
    organization_id text NOT NULL REFERENCES public.organizations,
    user_id uuid NOT NULL REFERENCES auth.users,
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('owner', 'member')),
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX ON public.organization_members (user_id);

CREATE TABLE public.projects (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES public.organizations,
    name text NOT NULL
);
CREATE INDEX ON public.projects (organization_id);

ALTER TABLE public.profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.profiles FORCE ROW LEVEL SECURITY;
ALTER TABLE public.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE public.organization_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.organization_members FORCE ROW LEVEL SECURITY;
ALTER TABLE public.projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.projects FORCE ROW LEVEL SECURITY;

CREATE POLICY own ON public.profiles FOR SELECT TO authenticated USING (id = (SELECT auth.uid()));
CREATE POLICY own_change ON public.profiles FOR UPDATE TO authenticated
    USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()));
-- Only one's own rows: a policy that looked for colleagues here would look into itself.
CREATE POLICY own ON public.organization_members FOR SELECT TO authenticated USING (user_id = (SELECT auth.uid()));
CREATE POLICY mine ON public.organizations FOR SELECT TO authenticated
    USING (id IN (SELECT organization_id FROM public.organization_members WHERE user_id = (SELECT auth.uid())));
CREATE POLICY mine ON public.projects FOR SELECT TO authenticated
    USING (organization_id IN (SELECT organization_id FROM public.organization_members WHERE user_id = (SELECT auth.uid())));
CREATE POLICY made_by_members ON public.projects FOR INSERT TO authenticated
    WITH CHECK (organization_id IN (SELECT organization_id FROM public.organization_members WHERE user_id = (SELECT auth.uid())));
CREATE POLICY removed_by_owners ON public.projects FOR DELETE TO authenticated
    USING (organization_id IN (SELECT organization_id FROM public.organization_members
                               WHERE user_id = (SELECT auth.uid()) AND role = 'owner'));

GRANT SELECT ON public.profiles, public.organizations, public.organization_members TO authenticated;
GRANT UPDATE (name) ON public.profiles TO authenticated;
GRANT SELECT, INSERT, DELETE ON public.projects TO authenticated;
GRANT ALL ON ALL TABLES IN SCHEMA public TO service_role;
RESET ROLE;
