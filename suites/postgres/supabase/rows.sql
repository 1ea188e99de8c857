\set ON_ERROR_STOP on
INSERT INTO auth.users (id, email) VALUES
    ('11111111-1111-4111-8111-111111111111', 'olga@circle.test'),
    ('22222222-2222-4222-8222-222222222222', 'mia@circle.test'),
    ('33333333-3333-4333-8333-333333333333', 'sam@square.test');
INSERT INTO public.profiles VALUES
    ('11111111-1111-4111-8111-111111111111', 'Olga'),
    ('22222222-2222-4222-8222-222222222222', 'Mia'),
    ('33333333-3333-4333-8333-333333333333', 'Sam');
INSERT INTO public.organizations VALUES ('circle', 'Circle'), ('square', 'Square');
INSERT INTO public.organization_members VALUES
    ('circle', '11111111-1111-4111-8111-111111111111', 'owner'),
    ('circle', '22222222-2222-4222-8222-222222222222', 'member'),
    ('square', '33333333-3333-4333-8333-333333333333', 'owner');
INSERT INTO public.projects VALUES
    ('compass', 'circle', 'A compass'), ('ruler', 'square', 'A ruler');
