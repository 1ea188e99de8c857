-- A shop in which much is wrong: the schema `planted` has the faults, the schema `clean` has the twin of each.
-- A line `-- fault: RULE OBJECT` names what must be found; nothing else may be.
-- The roles all begin with `shop_`, which the tests make unique.

CREATE ROLE shop_owner NOLOGIN;
CREATE ROLE shop_app LOGIN;
CREATE ROLE shop_staff LOGIN;
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO shop_app, shop_staff', current_database()) \gexec
SELECT format('GRANT CREATE ON DATABASE %I TO shop_owner', current_database()) \gexec
CREATE SCHEMA planted AUTHORIZATION shop_owner;
CREATE SCHEMA clean AUTHORIZATION shop_owner;
GRANT USAGE ON SCHEMA planted, clean TO shop_app, shop_staff;

-- A table without row security.
SET ROLE shop_owner;
CREATE TABLE planted.orders (id int PRIMARY KEY, customer text NOT NULL);
INSERT INTO planted.orders VALUES (1, 'ada'), (2, 'ben');
GRANT SELECT, INSERT ON planted.orders TO shop_app;
-- fault: row-security-missing planted.orders
CREATE TABLE clean.orders (id int PRIMARY KEY, customer text NOT NULL);
CREATE INDEX ON clean.orders (customer);
INSERT INTO clean.orders VALUES (1, 'ada'), (2, 'ben');
ALTER TABLE clean.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.orders USING (customer = current_setting('shop.user', true));
GRANT SELECT, INSERT ON clean.orders TO shop_app;
-- One column alone is open as well, and what only its owner has needs none.
CREATE TABLE planted.prices (id int PRIMARY KEY, cost int);
GRANT SELECT (cost) ON planted.prices TO shop_app;
-- fault: row-security-missing planted.prices
CREATE TABLE clean.prices (id int PRIMARY KEY, cost int);

-- What a group has, its members have, who alone may use the schema.
RESET ROLE;
CREATE ROLE shop_group NOLOGIN;
GRANT shop_group TO shop_staff;
SET ROLE shop_owner;
CREATE TABLE planted.shifts (id int PRIMARY KEY);
GRANT SELECT ON planted.shifts TO shop_group;
-- fault: row-security-missing planted.shifts
CREATE SCHEMA closed;
CREATE TABLE closed.shifts (id int PRIMARY KEY);
GRANT SELECT ON closed.shifts TO shop_group;

-- Policies that are not in force.
CREATE TABLE planted.drafts (id int PRIMARY KEY, customer text NOT NULL);
CREATE INDEX ON planted.drafts (customer);
CREATE POLICY own ON planted.drafts USING (customer = current_setting('shop.user', true));
GRANT SELECT ON planted.drafts TO shop_app;
-- fault: policies-not-in-force planted.drafts

-- A table with row security and no policy.
CREATE TABLE planted.locked (id int PRIMARY KEY);
ALTER TABLE planted.locked ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON planted.locked TO shop_app;
-- fault: grant-without-policy planted.locked
CREATE TABLE planted.half (id int PRIMARY KEY, customer text);
CREATE INDEX ON planted.half (customer);
ALTER TABLE planted.half ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.half FOR SELECT USING (customer = current_setting('shop.user', true));
GRANT SELECT, DELETE ON planted.half TO shop_app;
-- fault: grant-without-policy planted.half
CREATE TABLE clean.half (id int PRIMARY KEY, customer text);
CREATE INDEX ON clean.half (customer);
ALTER TABLE clean.half ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.half FOR SELECT USING (customer = current_setting('shop.user', true));
GRANT SELECT ON clean.half TO shop_app;

-- Policies that are always true, in three ways of writing it.
CREATE TABLE planted.messages (id int PRIMARY KEY, customer text NOT NULL);
INSERT INTO planted.messages VALUES (1, 'ada'), (2, 'ben');
ALTER TABLE planted.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON planted.messages FOR SELECT USING (true);
GRANT SELECT ON planted.messages TO shop_app;
-- fault: policy-always-true everyone on planted.messages
CREATE TABLE planted.notes (LIKE planted.messages);
ALTER TABLE planted.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY sum ON planted.notes FOR SELECT USING (1 + 1 = 2);
GRANT SELECT ON planted.notes TO shop_app;
-- fault: policy-always-true sum on planted.notes
CREATE TABLE planted.likes (LIKE planted.messages);
ALTER TABLE planted.likes ENABLE ROW LEVEL SECURITY;
CREATE POLICY any_row ON planted.likes FOR SELECT USING (customer IS NOT NULL OR id = 7);
GRANT SELECT ON planted.likes TO shop_app;
-- fault: policy-always-true any_row on planted.likes
-- A restrictive policy that is the same for everybody does not make them whose they are.
CREATE TABLE planted.letters (id int PRIMARY KEY, customer text NOT NULL, deleted bool NOT NULL);
INSERT INTO planted.letters VALUES (1, 'ada', false), (2, 'ben', true);
ALTER TABLE planted.letters ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON planted.letters FOR SELECT USING (true);
CREATE POLICY not_deleted ON planted.letters AS RESTRICTIVE FOR SELECT USING (NOT deleted);
GRANT SELECT ON planted.letters TO shop_app;
-- fault: policy-always-true everyone on planted.letters
CREATE TABLE clean.messages (id int PRIMARY KEY, customer text NOT NULL, hidden bool NOT NULL);
CREATE INDEX ON clean.messages (customer);
INSERT INTO clean.messages VALUES (1, 'ada', false), (2, 'ben', true);
ALTER TABLE clean.messages ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON clean.messages FOR SELECT USING (true);
CREATE POLICY own ON clean.messages AS RESTRICTIVE FOR SELECT
    USING (NOT hidden AND customer = current_setting('shop.user', true) OR customer = 'all of ' || current_user);
CREATE POLICY nothing ON clean.messages FOR SELECT USING (1 = 2 OR false);
GRANT SELECT ON clean.messages TO shop_app;

-- WITH CHECK (true), and its absence where USING does not carry over.
CREATE TABLE planted.reviews (id int PRIMARY KEY, author text, tenant text, published bool);
CREATE INDEX ON planted.reviews (author);
ALTER TABLE planted.reviews ENABLE ROW LEVEL SECURITY;
CREATE POLICY change ON planted.reviews FOR UPDATE
    USING (author = current_setting('shop.user', true)) WITH CHECK (true);
-- fault: check-always-true change on planted.reviews
CREATE POLICY add ON planted.reviews FOR INSERT WITH CHECK (true);
-- fault: check-always-true add on planted.reviews
CREATE POLICY own ON planted.reviews FOR ALL
    USING (published OR author = current_setting('shop.user', true));
-- fault: check-missing own on planted.reviews
CREATE POLICY move ON planted.reviews FOR UPDATE
    USING (author = current_setting('shop.user', true) AND tenant = current_setting('shop.tenant', true))
    WITH CHECK (tenant = current_setting('shop.tenant', true));
-- fault: check-weaker-than-using move on planted.reviews
GRANT SELECT, INSERT, UPDATE, DELETE ON planted.reviews TO shop_app;
CREATE TABLE clean.reviews (id int PRIMARY KEY, author text, tenant text, published bool);
CREATE INDEX ON clean.reviews (author);
ALTER TABLE clean.reviews ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.reviews FOR ALL USING (author = current_setting('shop.user', true));
CREATE POLICY published ON clean.reviews FOR SELECT USING (published);
CREATE POLICY change ON clean.reviews FOR UPDATE
    USING (author = current_setting('shop.user', true) AND NOT published)
    WITH CHECK (author = current_setting('shop.user', true));
CREATE POLICY add ON clean.reviews FOR INSERT WITH CHECK (author = current_setting('shop.user', true));
CREATE POLICY frozen ON clean.reviews FOR UPDATE
    USING (author = current_setting('shop.user', true) AND tenant = current_setting('shop.tenant', true)) WITH CHECK (false);
-- What the permissive ones forget, a restrictive one asks.
CREATE TABLE clean.ratings (id int PRIMARY KEY, author text, tenant text, published bool);
CREATE INDEX ON clean.ratings (author, tenant);
CREATE INDEX ON clean.ratings (tenant);
ALTER TABLE clean.ratings ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.ratings USING (published OR author = current_setting('shop.user', true));
CREATE POLICY move ON clean.ratings FOR UPDATE
    USING (author = current_setting('shop.user', true) AND tenant = current_setting('shop.tenant', true))
    WITH CHECK (author = current_setting('shop.user', true));
CREATE POLICY of_tenant ON clean.ratings AS RESTRICTIVE USING (tenant = current_setting('shop.tenant', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON clean.ratings TO shop_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON clean.reviews TO shop_app;

-- Policies that read each other's tables, and one that reads its own.
CREATE TABLE planted.teams (id int PRIMARY KEY, boss text);
CREATE TABLE planted.members (team int, person text);
CREATE INDEX ON planted.members (person);
ALTER TABLE planted.teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE planted.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_members ON planted.teams FOR SELECT
    USING (EXISTS (SELECT FROM planted.members m WHERE m.team = teams.id AND m.person = current_setting('shop.user', true)));
CREATE POLICY of_boss ON planted.members FOR SELECT
    USING (EXISTS (SELECT FROM planted.teams t WHERE t.id = members.team AND t.boss = current_setting('shop.user', true)));
GRANT SELECT ON planted.teams, planted.members TO shop_app;
-- fault: policy-recursion planted.teams
-- fault: policy-recursion planted.members
CREATE TABLE planted.friends (person text, friend text);
ALTER TABLE planted.friends ENABLE ROW LEVEL SECURITY;
CREATE POLICY mutual ON planted.friends FOR SELECT
    USING (person IN (SELECT f.friend FROM planted.friends f WHERE f.person = current_setting('shop.user', true)));
GRANT SELECT ON planted.friends TO shop_app;
-- fault: policy-recursion planted.friends
CREATE TABLE clean.members (team int, person text);
CREATE INDEX ON clean.members (person);
CREATE TABLE clean.teams (id int PRIMARY KEY);
ALTER TABLE clean.teams ENABLE ROW LEVEL SECURITY;
ALTER TABLE clean.members ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.members FOR SELECT USING (person = current_setting('shop.user', true));
CREATE POLICY of_members ON clean.teams FOR SELECT
    USING (EXISTS (SELECT FROM clean.members m WHERE m.team = teams.id AND m.person = current_setting('shop.user', true)));
GRANT SELECT ON clean.teams, clean.members TO shop_app;

-- A bare name that means the nearest table.
CREATE TABLE clean.seats (person text, tenant text);
CREATE INDEX ON clean.seats (person);
ALTER TABLE clean.seats ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.seats FOR SELECT USING (person = current_setting('shop.user', true));
CREATE TABLE planted.desks (id int PRIMARY KEY, tenant varchar(20));
ALTER TABLE planted.desks ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON planted.desks FOR SELECT
    USING (EXISTS (SELECT FROM clean.seats m WHERE m.tenant = tenant AND m.person = current_setting('shop.user', true)));
-- fault: comparison-with-itself of_tenant on planted.desks
CREATE TABLE clean.desks (id int PRIMARY KEY, tenant varchar(20));
ALTER TABLE clean.desks ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_tenant ON clean.desks FOR SELECT
    USING (EXISTS (SELECT FROM clean.seats m WHERE m.tenant = desks.tenant AND m.person = current_setting('shop.user', true)));
GRANT SELECT ON clean.seats, planted.desks, clean.desks TO shop_app;

-- One that only a write comes to: its own table again, whose policy for reading reads another.
CREATE TABLE planted.ranks (id int PRIMARY KEY, above int, person text);
ALTER TABLE planted.ranks ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_members ON planted.ranks FOR SELECT USING (person IN (SELECT m.person FROM clean.members m));
CREATE POLICY change ON planted.ranks FOR UPDATE
    USING (EXISTS (SELECT FROM planted.ranks r WHERE r.id = ranks.above AND r.person = current_setting('shop.user', true)));
GRANT SELECT, UPDATE ON planted.ranks TO shop_app;
-- fault: policy-recursion planted.ranks
CREATE TABLE clean.ranks (id int PRIMARY KEY, above int, person text);
CREATE INDEX ON clean.ranks (person);
ALTER TABLE clean.ranks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.ranks FOR SELECT USING (person = current_setting('shop.user', true));
CREATE POLICY change ON clean.ranks FOR UPDATE
    USING (EXISTS (SELECT FROM clean.ranks r WHERE r.id = ranks.above AND r.person = current_setting('shop.user', true)));
GRANT SELECT, UPDATE ON clean.ranks TO shop_app;

-- Settings that must be there: in the policy, and in a function where no catalogue shows it.
CREATE TABLE planted.carts (id int PRIMARY KEY, customer text);
CREATE INDEX ON planted.carts (customer);
INSERT INTO planted.carts VALUES (1, 'ada');
ALTER TABLE planted.carts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.carts FOR SELECT USING (customer = current_setting('shop.customer'));
GRANT SELECT ON planted.carts TO shop_app;
-- fault: setting-without-default own on planted.carts
CREATE FUNCTION planted.me() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('shop.me') $$;
CREATE TABLE planted.wishes (LIKE planted.carts INCLUDING INDEXES);
CREATE INDEX ON planted.wishes (customer);
INSERT INTO planted.wishes VALUES (1, 'ada');
ALTER TABLE planted.wishes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.wishes FOR SELECT USING (customer = planted.me());
GRANT SELECT ON planted.wishes TO shop_app;
-- fault: setting-without-default planted.wishes
CREATE FUNCTION clean.me() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('shop.me', true) $$;
CREATE TABLE clean.carts (LIKE planted.carts INCLUDING INDEXES);
CREATE INDEX ON clean.carts (customer);
INSERT INTO clean.carts VALUES (1, 'ada');
ALTER TABLE clean.carts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.carts FOR SELECT USING (customer = clean.me());
CREATE POLICY of_database ON clean.carts FOR SELECT USING (customer = current_setting('shop.owner'));
GRANT SELECT ON clean.carts TO shop_app;
RESET ROLE;
SELECT format('ALTER DATABASE %I SET shop.owner = %L', current_database(), 'the shop') \gexec
SET ROLE shop_owner;

-- A policy for whose rows there is no index.
CREATE TABLE planted.visits (id int PRIMARY KEY, customer text, page text);
CREATE INDEX ON planted.visits (page, customer);
CREATE INDEX ON planted.visits (customer) WHERE page = '/';
ALTER TABLE planted.visits ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.visits FOR SELECT USING (customer = (SELECT current_setting('shop.user', true)));
GRANT SELECT ON planted.visits TO shop_app;
-- fault: policy-without-index own on planted.visits
CREATE TABLE clean.visits (id int PRIMARY KEY, customer text, page text);
CREATE INDEX ON clean.visits (customer, page);
ALTER TABLE clean.visits ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.visits FOR SELECT USING (customer = (SELECT current_setting('shop.user', true)));
GRANT SELECT ON clean.visits TO shop_app;

-- Views that read as their owner, directly and through another; a view that filters nothing needs no rights of its own.
CREATE VIEW planted.all_orders AS SELECT * FROM clean.orders;
GRANT SELECT ON planted.all_orders TO shop_app;
-- fault: view-without-security-invoker planted.all_orders
CREATE VIEW planted.some_orders AS SELECT * FROM planted.all_orders WHERE id < 10;
GRANT SELECT ON planted.some_orders TO shop_app;
-- fault: view-without-security-invoker planted.some_orders
CREATE VIEW clean.my_orders WITH (security_invoker = on) AS SELECT * FROM clean.orders;
GRANT SELECT ON clean.my_orders TO shop_app;
CREATE VIEW clean.page_names AS SELECT 'home' AS name UNION SELECT 'help';
GRANT SELECT ON clean.page_names TO shop_app;
CREATE VIEW clean.for_nobody AS SELECT * FROM clean.orders;

-- A view that alone keeps rows from its readers, and one that is a barrier.
CREATE TABLE planted.costs (id int PRIMARY KEY, secret bool);
CREATE VIEW planted.known_costs AS SELECT * FROM planted.costs WHERE NOT secret;
GRANT SELECT ON planted.known_costs TO shop_app;
-- fault: view-without-security-barrier planted.known_costs
CREATE VIEW clean.known_costs WITH (security_barrier) AS SELECT * FROM planted.costs WHERE NOT secret;
GRANT SELECT ON clean.known_costs TO shop_app;
CREATE VIEW clean.all_costs AS SELECT id FROM planted.costs;
GRANT SELECT ON clean.all_costs TO shop_app;
CREATE VIEW clean.some_costs WITH (security_barrier) AS SELECT * FROM clean.known_costs WHERE id > 7;
GRANT SELECT ON clean.some_costs TO shop_app;
CREATE VIEW clean.few_costs AS SELECT * FROM clean.known_costs WHERE id > 7;
GRANT SELECT ON clean.few_costs TO shop_app;

-- A materialised view with rows of a table that has policies.
CREATE MATERIALIZED VIEW planted.order_counts AS SELECT customer, count(*) FROM clean.orders GROUP BY customer;
GRANT SELECT ON planted.order_counts TO shop_app;
-- fault: materialised-view-bypasses-policies planted.order_counts
CREATE MATERIALIZED VIEW clean.order_counts AS SELECT customer, count(*) FROM clean.orders GROUP BY customer;

-- A partition, and an heir, that can be used by themselves.
CREATE TABLE planted.logs (id int, customer text) PARTITION BY RANGE (id);
CREATE INDEX ON planted.logs (customer);
CREATE TABLE planted.logs_1 PARTITION OF planted.logs FOR VALUES FROM (1) TO (1000);
ALTER TABLE planted.logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.logs USING (customer = current_setting('shop.user', true));
GRANT SELECT ON planted.logs, planted.logs_1 TO shop_app;
-- fault: partition-bypasses-policies planted.logs_1
CREATE TABLE planted.old_logs () INHERITS (clean.orders);
GRANT SELECT ON planted.old_logs TO shop_app;
-- fault: partition-bypasses-policies planted.old_logs
CREATE TABLE clean.logs (id int, customer text) PARTITION BY RANGE (id);
CREATE INDEX ON clean.logs (customer);
CREATE TABLE clean.logs_1 PARTITION OF clean.logs FOR VALUES FROM (1) TO (1000);
CREATE TABLE clean.logs_2 PARTITION OF clean.logs FOR VALUES FROM (1000) TO (2000);
ALTER TABLE clean.logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE clean.logs_2 ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.logs USING (customer = current_setting('shop.user', true));
CREATE POLICY own ON clean.logs_2 USING (customer = current_setting('shop.user', true));
GRANT SELECT ON clean.logs, clean.logs_2 TO shop_app;

-- Functions that act as their owner and look names up where others can put some.
CREATE FUNCTION planted.total() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS $$ SELECT count(*) FROM clean.orders $$;
-- fault: definer-search-path planted.total()
CREATE FUNCTION planted.total_of(text) RETURNS bigint SECURITY DEFINER SET search_path = clean LANGUAGE sql
    AS $$ SELECT count(*) FROM orders WHERE customer = $1 $$;
-- fault: definer-search-path planted.total_of(text)
CREATE FUNCTION planted.own_total() RETURNS bigint SECURITY DEFINER SET search_path = "$user", pg_temp LANGUAGE sql
    AS $$ SELECT count(*) FROM clean.orders $$;
-- fault: definer-search-path planted.own_total()
CREATE FUNCTION planted.on_change() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
-- fault: definer-search-path planted.on_change()
CREATE FUNCTION clean.total() RETURNS bigint SECURITY DEFINER SET search_path = '' LANGUAGE sql
    AS $$ SELECT count(*) FROM clean.orders $$;
CREATE FUNCTION clean.total_of(text) RETURNS bigint SECURITY DEFINER SET search_path = clean, pg_temp LANGUAGE sql
    AS $$ SELECT count(*) FROM orders WHERE customer = $1 $$;
CREATE FUNCTION clean.bound() RETURNS bigint SECURITY DEFINER LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM clean.orders; END;
-- Their owner reads past policies. Of these it is known that they do, and of some that they do not.
-- fault: definer-bypasses-policies planted.total()
-- fault: definer-bypasses-policies planted.total_of(text)
-- fault: definer-bypasses-policies planted.own_total()
-- fault: definer-bypasses-policies planted.on_change()
COMMENT ON FUNCTION clean.total() IS 'lockstep: allow definer-bypasses-policies: how many there are, everybody may know';
COMMENT ON FUNCTION clean.total_of(text) IS 'lockstep: allow definer-bypasses-policies: and how many of whom';
COMMENT ON FUNCTION clean.bound() IS 'lockstep: allow definer-bypasses-policies: as total()';
CREATE FUNCTION clean.cost_count() RETURNS bigint SECURITY DEFINER LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM planted.costs; END;
CREATE FUNCTION clean.as_caller() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM clean.orders $$;
CREATE FUNCTION clean.for_nobody() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS $$ SELECT 1::bigint $$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA planted, clean FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA planted TO shop_app;
GRANT EXECUTE ON FUNCTION clean.total(), clean.total_of(text), clean.bound(), clean.me(), clean.as_caller(),
    clean.cost_count() TO shop_app;
CREATE FUNCTION planted.for_everybody() RETURNS int SECURITY DEFINER SET search_path = '' LANGUAGE sql AS $$ SELECT 1 $$;
-- fault: public-grant planted.for_everybody()
-- fault: definer-bypasses-policies planted.for_everybody()
RESET ROLE;
CREATE FUNCTION planted.as_superuser() RETURNS int SECURITY DEFINER SET search_path = '' LANGUAGE sql AS $$ SELECT 1 $$;
REVOKE EXECUTE ON FUNCTION planted.as_superuser() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planted.as_superuser() TO shop_app;
-- fault: definer-with-wider-rights planted.as_superuser()
-- A schema into which its callers may put things.
CREATE SCHEMA planted_tools AUTHORIZATION shop_owner;
GRANT CREATE ON SCHEMA planted_tools TO shop_staff;
SET ROLE shop_owner;
CREATE FUNCTION planted.with_tools() RETURNS int SECURITY DEFINER SET search_path = planted_tools, pg_temp LANGUAGE sql
    AS $$ SELECT 1 $$;
REVOKE EXECUTE ON FUNCTION planted.with_tools() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planted.with_tools() TO shop_app;
-- fault: definer-search-path planted.with_tools()
-- fault: definer-bypasses-policies planted.with_tools()

-- A view whose owner is bound, but by a policy of its own.
RESET ROLE;
CREATE ROLE shop_house NOLOGIN;
GRANT USAGE, CREATE ON SCHEMA planted, clean TO shop_house;
SET ROLE shop_house;
CREATE TABLE planted.invoices (id int PRIMARY KEY, customer text NOT NULL);
CREATE INDEX ON planted.invoices (customer);
INSERT INTO planted.invoices VALUES (1, 'ada'), (2, 'ben');
ALTER TABLE planted.invoices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.invoices FOR SELECT TO shop_app USING (customer = current_setting('shop.user', true));
CREATE POLICY house ON planted.invoices FOR SELECT TO shop_house USING (id IS NOT NULL AND customer <> '');
GRANT SELECT ON planted.invoices TO shop_app;
CREATE VIEW planted.all_invoices AS SELECT * FROM planted.invoices;
GRANT SELECT ON planted.all_invoices TO shop_app;
-- fault: view-without-security-invoker planted.all_invoices
CREATE FUNCTION planted.invoice_count() RETURNS bigint SECURITY DEFINER LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM planted.all_invoices; END;
-- fault: definer-bypasses-policies planted.invoice_count()
CREATE TABLE clean.invoices (id int PRIMARY KEY, customer text NOT NULL);
CREATE INDEX ON clean.invoices (customer);
INSERT INTO clean.invoices VALUES (1, 'ada'), (2, 'ben');
ALTER TABLE clean.invoices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.invoices FOR SELECT USING (customer = current_setting('shop.user', true));
CREATE POLICY never ON clean.invoices AS RESTRICTIVE FOR SELECT TO shop_house USING (customer <> '');
GRANT SELECT ON clean.invoices TO shop_app;
CREATE VIEW clean.all_invoices AS SELECT * FROM clean.invoices;
GRANT SELECT ON clean.all_invoices TO shop_app;
CREATE FUNCTION clean.invoice_count() RETURNS bigint SECURITY DEFINER LANGUAGE sql
    BEGIN ATOMIC SELECT count(*) FROM clean.all_invoices; END;
REVOKE EXECUTE ON FUNCTION planted.invoice_count(), clean.invoice_count() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION planted.invoice_count(), clean.invoice_count() TO shop_app;
RESET ROLE;
REVOKE ALL ON SCHEMA planted, clean FROM shop_house;
SET ROLE shop_owner;

-- What everybody may do.
CREATE TABLE planted.countries (code text PRIMARY KEY, name text);
ALTER TABLE planted.countries ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_use ON planted.countries FOR SELECT USING (name IS NOT NULL);
GRANT SELECT ON planted.countries TO PUBLIC;
-- fault: public-grant planted.countries
GRANT SELECT (code) ON planted.countries TO PUBLIC;
-- fault: public-grant planted.countries.code
CREATE SEQUENCE planted.numbers;
GRANT USAGE ON SEQUENCE planted.numbers TO PUBLIC;
-- fault: public-grant planted.numbers
GRANT CREATE ON SCHEMA planted_tools TO PUBLIC;
-- fault: public-grant planted_tools
CREATE TABLE clean.countries (code text PRIMARY KEY, name text);
ALTER TABLE clean.countries ENABLE ROW LEVEL SECURITY;
CREATE POLICY in_use ON clean.countries FOR SELECT USING (name IS NOT NULL);
GRANT SELECT ON clean.countries TO shop_app, shop_staff;
CREATE SEQUENCE clean.numbers;
GRANT USAGE ON SEQUENCE clean.numbers TO shop_app;

-- Into this schema nobody comes but its owner.
CREATE TABLE closed.codes (code text PRIMARY KEY);
GRANT SELECT ON closed.codes TO PUBLIC;
CREATE FUNCTION closed.for_everybody() RETURNS int SECURITY DEFINER LANGUAGE sql AS $$ SELECT 1 $$;

-- What is granted on tables still to come.
ALTER DEFAULT PRIVILEGES IN SCHEMA planted GRANT SELECT ON TABLES TO shop_app;
-- fault: default-privileges shop_owner in planted
ALTER DEFAULT PRIVILEGES IN SCHEMA planted_tools GRANT USAGE ON SEQUENCES TO PUBLIC;
-- fault: default-privileges shop_owner in planted_tools
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA clean GRANT USAGE ON SEQUENCES TO shop_app;

-- What no policy binds, and what may be granted on.
CREATE TABLE planted.stock (id int PRIMARY KEY, keeper text);
CREATE INDEX ON planted.stock (keeper);
ALTER TABLE planted.stock ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.stock USING (keeper = current_setting('shop.user', true));
GRANT SELECT, TRUNCATE, REFERENCES, TRIGGER ON planted.stock TO shop_staff;
-- fault: bypassing-grant planted.stock
GRANT SELECT ON planted.stock TO shop_app WITH GRANT OPTION;
-- fault: grant-option planted.stock
CREATE TABLE clean.stock (id int PRIMARY KEY, keeper text);
CREATE INDEX ON clean.stock (keeper);
ALTER TABLE clean.stock ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.stock USING (keeper = current_setting('shop.user', true));
GRANT SELECT, INSERT, UPDATE, DELETE ON clean.stock TO shop_staff;
RESET ROLE;

-- Owners as which somebody can act, of tables with and without FORCE.
CREATE ROLE shop_keeper LOGIN;
SELECT format('GRANT CONNECT ON DATABASE %I TO shop_keeper', current_database()) \gexec
GRANT CREATE, USAGE ON SCHEMA planted, clean TO shop_keeper;
SET ROLE shop_keeper;
CREATE TABLE planted.keys (id int PRIMARY KEY, holder text);
CREATE INDEX ON planted.keys (holder);
ALTER TABLE planted.keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON planted.keys USING (holder = current_setting('shop.user', true));
-- fault: owner-bypasses-policies planted.keys
-- fault: owner-logs-in shop_keeper
CREATE TABLE clean.keys (id int PRIMARY KEY, holder text);
CREATE INDEX ON clean.keys (holder);
ALTER TABLE clean.keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE clean.keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON clean.keys USING (holder = current_setting('shop.user', true));
RESET ROLE;
REVOKE CREATE ON SCHEMA planted, clean FROM shop_keeper;

-- Roles that no policy binds, themselves or after SET ROLE, and roles that can grant more.
CREATE ROLE shop_report LOGIN BYPASSRLS;
-- fault: role-bypasses-policies shop_report
CREATE ROLE shop_service NOLOGIN BYPASSRLS;
CREATE ROLE shop_gate LOGIN NOINHERIT IN ROLE shop_service;
-- fault: role-bypasses-policies shop_gate
CREATE ROLE shop_clerk LOGIN CREATEROLE;
-- fault: role-grants-itself-more shop_clerk
CREATE ROLE shop_readers NOLOGIN;
CREATE ROLE shop_lead LOGIN;
GRANT shop_readers TO shop_lead WITH ADMIN OPTION;
-- fault: role-grants-itself-more shop_lead
CREATE ROLE shop_batch LOGIN;
GRANT pg_read_server_files TO shop_batch;
-- fault: role-grants-itself-more shop_batch
CREATE ROLE shop_reader LOGIN NOINHERIT IN ROLE shop_readers;
-- Through another role, which alone can be taken from it.
CREATE ROLE shop_middle NOLOGIN IN ROLE shop_service;
CREATE ROLE shop_courier LOGIN IN ROLE shop_middle;
-- fault: role-bypasses-policies shop_courier
CREATE ROLE shop_makers NOLOGIN;
CREATE ROLE shop_shift NOLOGIN IN ROLE shop_makers;
CREATE ROLE shop_cook LOGIN IN ROLE shop_shift;
GRANT CREATE, USAGE ON SCHEMA planted TO shop_makers;
SET ROLE shop_makers;
CREATE TABLE planted.recipes (id int PRIMARY KEY);
RESET ROLE;
REVOKE ALL ON SCHEMA planted FROM shop_makers;
-- fault: owner-logs-in shop_makers
SELECT format('GRANT CONNECT ON DATABASE %I TO shop_report, shop_gate, shop_clerk, shop_lead, shop_batch, shop_reader, shop_courier, shop_cook', current_database()) \gexec

-- Names that must be quoted, and values that are not SQL.
SET ROLE shop_owner;
CREATE TABLE planted."select ""$$' OR 1=1" (id int PRIMARY KEY, "Öwner'$$" text);
ALTER TABLE planted."select ""$$' OR 1=1" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "p (q) {r} \" ON planted."select ""$$' OR 1=1" FOR SELECT
    USING ("Öwner'$$" = current_setting('shop.user', true) || ''' OR 1=1 {(\)}');
GRANT SELECT ON planted."select ""$$' OR 1=1" TO shop_app;
-- fault: policy-without-index "p (q) {r} \" on planted."select ""$$' OR 1=1"

-- Exceptions: one counts, the others are told as stale.
CREATE TABLE planted.currencies (code text PRIMARY KEY);
GRANT SELECT ON planted.currencies TO shop_app;
COMMENT ON TABLE planted.currencies IS E'The currencies.\nlockstep: allow row-security-missing: the same for everybody';
COMMENT ON TABLE clean.prices IS 'lockstep: allow row-security-missing: nothing of the kind is here';
COMMENT ON TABLE clean.countries IS 'lockstep: allow no-such-finding: a word too many';
COMMENT ON TABLE planted.orders IS 'lockstep: allow row-security-missing';
RESET ROLE;
