"""Alembic runs this inside the transaction that `upgrade()` opened."""

from alembic import context

from sync.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
