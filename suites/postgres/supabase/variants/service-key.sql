-- What the service key may, whoever is signed in may.
ALTER ROLE authenticated BYPASSRLS;
