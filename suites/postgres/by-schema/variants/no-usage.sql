-- Taken away with the rest.
REVOKE USAGE ON SCHEMA north FROM parcels_north;
