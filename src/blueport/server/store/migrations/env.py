"""Runs the migrations as `schema` asks for: on a connection to SQLite, or as a script for PostgreSQL."""

from alembic import context

from blueport.server.store.tables import metadata

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True, transactional_ddl=False)
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,  # SQLite alters a table by copying it
        transaction_per_migration=True,
    )
with context.begin_transaction():
    context.run_migrations()
