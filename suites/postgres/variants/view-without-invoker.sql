-- A view of a superuser looks with a superuser's eyes.
ALTER VIEW press.titles RESET (security_invoker);
ALTER VIEW press.titles OWNER TO CURRENT_USER;
