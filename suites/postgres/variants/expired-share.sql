-- A share is a share: until when is not looked at.
ALTER POLICY own ON press.shares USING (with_tenant_id = press.my_tenant());
