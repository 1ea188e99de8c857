-- Row security is on, and every policy is gone.
DROP POLICY reading ON press.posts;
DROP POLICY shared ON press.posts;
DROP POLICY making ON press.posts;
DROP POLICY changing ON press.posts;
DROP POLICY removing ON press.posts;
