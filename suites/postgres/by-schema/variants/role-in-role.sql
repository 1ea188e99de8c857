-- One tenant's role was given to the other's.
GRANT parcels_south TO parcels_north;
