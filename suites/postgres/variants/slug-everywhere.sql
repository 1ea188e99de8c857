-- One name for all tenants: a duplicate key tells what others have.
ALTER TABLE press.posts DROP CONSTRAINT posts_tenant_id_slug_key;
ALTER TABLE press.posts ADD CONSTRAINT posts_slug_key UNIQUE (slug);
