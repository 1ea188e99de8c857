-- Two tenants. Una runs the one, Ada the other.
\set ON_ERROR_STOP on
SET search_path = press;

INSERT INTO tenants VALUES ('acme'), ('globex');
INSERT INTO users VALUES ('root', 'Root'), ('ada', 'Ada'), ('vera', 'Vera'), ('una', 'Una'), ('vic', 'Vic'), ('oscar', 'Oscar');

INSERT INTO roles (name, description) VALUES
    ('viewer', 'reads'), ('editor', 'writes, and changes what is their own'), ('admin', 'changes and removes everything');
INSERT INTO permissions (resource, action) VALUES
    ('post', 'list'), ('post', 'read'), ('post', 'create'), ('post', 'update'), ('post', 'delete'), ('post', 'insert');
INSERT INTO role_permissions
    SELECT roles.id, permissions.id FROM roles, permissions
    WHERE (roles.name, permissions.action) IN
        (('viewer', 'list'), ('viewer', 'read'), ('editor', 'create'), ('editor', 'insert'), ('admin', 'update'), ('admin', 'delete'));
INSERT INTO role_hierarchy
    SELECT parent.id, child.id FROM roles parent, roles child
    WHERE (parent.name, child.name) IN (('admin', 'editor'), ('editor', 'viewer'));
INSERT INTO user_roles
    SELECT grants.who, roles.id, grants.tenant, 'ada'
    FROM (VALUES ('root', 'admin', 'acme'), ('root', 'admin', 'globex'), ('ada', 'admin', 'acme'), ('vera', 'editor', 'acme'), ('una', 'admin', 'globex'),
                 ('vic', 'viewer', 'acme'), ('oscar', 'editor', 'globex')) grants (who, role, tenant)
    JOIN roles ON roles.name = grants.role;

INSERT INTO posts (id, tenant_id, author_id, slug, title) VALUES
    ('acme-1', 'acme', 'vera', 'spring', 'Spring at last'),
    ('acme-2', 'acme', 'ada', 'rules', 'The rules of the house'),
    ('acme-3', 'acme', 'vic', 'winter', 'Winter, when Vic was an editor'),
    ('globex-1', 'globex', 'oscar', 'merger', 'The merger, in secret'),
    ('globex-2', 'globex', 'oscar', 'fair', 'Come to our fair'),
    ('globex-3', 'globex', 'oscar', 'fair-2020', 'Come to our fair in 2020');
INSERT INTO shares VALUES
    ('globex-2', 'acme', NULL),
    ('globex-3', 'acme', '2021-01-01T00:00:00Z');
