-- "The service asks for the permission": everybody of a tenant may remove what stands there.
ALTER POLICY removing ON press.posts USING (tenant_id = press.my_tenant());
