-- The service lets an admin through, and the database does not.
ALTER POLICY removing ON press.posts USING (author_id = press.me() AND press.may(tenant_id, 'post', 'delete'));
