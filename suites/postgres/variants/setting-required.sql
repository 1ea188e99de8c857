-- Without `true`, a setting that nobody made is an error, and not nobody.
CREATE OR REPLACE FUNCTION press.me() RETURNS text
    LANGUAGE sql STABLE SET search_path = '' RETURN nullif(current_setting('app.user_id'), '');
