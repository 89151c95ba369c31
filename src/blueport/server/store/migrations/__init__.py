"""The schema's history, run by Alembic; tables.py is the sum of it."""
