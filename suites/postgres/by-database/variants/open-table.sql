-- Granted to everybody who may enter, and everybody may.
GRANT CONNECT ON DATABASE :"DBNAME" TO PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
GRANT SELECT ON letters TO PUBLIC;
