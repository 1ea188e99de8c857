-- As PostgreSQL makes it: everybody may enter. What is in it is still nobody else's.
GRANT CONNECT ON DATABASE :"DBNAME" TO PUBLIC;
