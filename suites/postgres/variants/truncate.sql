-- Row security does not hold TRUNCATE.
GRANT TRUNCATE ON press.shares TO press_app;
