-- To see one's colleagues, one would have to see one's colleagues.
ALTER POLICY own ON public.organization_members
    USING (organization_id IN (SELECT mine.organization_id FROM public.organization_members mine WHERE mine.user_id = (SELECT auth.uid())));
