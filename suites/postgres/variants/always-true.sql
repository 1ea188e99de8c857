-- Written to try something out.
ALTER POLICY reading ON press.posts USING (true);
