-- The application was given the attribute with which a backup was once made.
ALTER ROLE press_app BYPASSRLS;
