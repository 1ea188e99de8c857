-- "Enable read access for all users", as the template says.
CREATE POLICY everybody ON public.projects FOR SELECT TO anon, authenticated USING (true);
GRANT SELECT ON public.projects TO anon;
