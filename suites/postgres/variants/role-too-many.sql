-- Somebody was helpful: in this tenant Vic is an admin.
INSERT INTO press.user_roles (user_id, role_id, tenant_id, granted_by)
    SELECT 'vic', id, 'acme', 'vera' FROM press.roles WHERE name = 'admin';
