-- Granted to PUBLIC, because one report needed it.
GRANT USAGE ON SCHEMA south TO PUBLIC;
GRANT SELECT ON south.parcels TO PUBLIC;
