-- The whole row may be written, so that a post can be given to another author.
GRANT UPDATE ON press.posts TO press_app;
