-- Row security does not hold TRUNCATE.
GRANT TRUNCATE ON press.posts TO press_app;
