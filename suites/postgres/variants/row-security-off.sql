-- Switched off for a migration, and never on again. The policies are all there still.
ALTER TABLE press.posts DISABLE ROW LEVEL SECURITY;
