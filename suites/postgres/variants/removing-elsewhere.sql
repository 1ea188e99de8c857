-- What admins remove, the service removes in another way; here only authors are left who could.
ALTER POLICY removing ON press.posts USING (author_id = press.me() AND press.may(tenant_id, 'post', 'delete'));
