-- The application is a superuser: "it did not work otherwise".
ALTER ROLE press_app SUPERUSER;
