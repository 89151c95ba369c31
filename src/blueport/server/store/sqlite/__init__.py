"""A store in a SQLite file: one thread that writes, in groups, beside any number of other processes that do."""
