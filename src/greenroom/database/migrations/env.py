"""How Alembic runs our migrations: on the connection it is handed, all or nothing."""

from alembic import context

from greenroom.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    # A migration that cannot get its lock gives up, instead of holding up every reader behind it.
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    context.run_migrations()
