"""Alembic's entry: the connection comes from crm_store.migrate, which owns the transaction."""

from alembic import context

from crm_store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
context.run_migrations()
