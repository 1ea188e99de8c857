-- One row more, and every viewer removes posts.
INSERT INTO press.role_permissions
    SELECT roles.id, permissions.id FROM press.roles, press.permissions
    WHERE roles.name = 'viewer' AND permissions.resource = 'post' AND permissions.action = 'delete';
