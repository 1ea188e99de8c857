-- To see who else has roles, one would have to see who has roles.
CREATE POLICY colleagues ON press.user_roles FOR SELECT TO press_app
    USING (tenant_id IN (SELECT mine.tenant_id FROM press.user_roles mine WHERE mine.user_id = press.me()));
