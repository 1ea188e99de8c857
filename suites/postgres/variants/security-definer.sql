-- A count with the rights of whoever made it counts everything.
ALTER FUNCTION press.count_posts() OWNER TO CURRENT_USER;
ALTER FUNCTION press.count_posts() SECURITY DEFINER;
