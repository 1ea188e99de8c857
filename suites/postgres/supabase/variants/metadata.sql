-- Users may write their own metadata; who is in an organization is asked there.
ALTER POLICY mine ON public.projects
    USING (organization_id = auth.jwt() -> 'user_metadata' ->> 'organization');
