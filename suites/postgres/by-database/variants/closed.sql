-- The tenant's own user was shut out with the others.
REVOKE CONNECT ON DATABASE :"DBNAME" FROM :"tenant_role";
