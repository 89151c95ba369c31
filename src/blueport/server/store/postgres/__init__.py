"""A store in PostgreSQL: units in greenlets over asyncpg, on a few connections, also behind a pooler."""
