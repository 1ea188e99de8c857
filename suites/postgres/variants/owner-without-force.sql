-- The application owns the table, and nothing holds owners to its row security.
ALTER TABLE press.posts NO FORCE ROW LEVEL SECURITY;
GRANT CREATE ON SCHEMA press TO press_app;
ALTER TABLE press.posts OWNER TO press_app;
