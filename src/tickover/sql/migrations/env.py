"""Alembic's entry for every history of Tickover: one transaction, one lock, one version table per schema."""

from alembic import context
from sqlalchemy import create_engine, pool, text

schema: str = context.config.attributes["schema"]
dsn: str = context.config.attributes["dsn"]


def _url() -> str:
    # SQLAlchemy reads the driver from the scheme.
    return "postgresql+psycopg://" + dsn.split("://", 1)[1]


def _run_online() -> None:
    engine = create_engine(_url(), poolclass=pool.NullPool, connect_args={"prepare_threshold": None})
    with engine.connect() as connection, connection.begin():
        # One migrator at a time; the lock ends with the transaction, so PgBouncer may stand in between.
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"migrate:{schema}"})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        context.configure(connection=connection, version_table_schema=schema, transactional_ddl=False)
        context.run_migrations()


def _run_offline() -> None:
    context.configure(url=_url(), literal_binds=True, version_table_schema=schema)
    with context.begin_transaction():
        context.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        context.run_migrations()


if context.is_offline_mode():
    _run_offline()
else:
    _run_online()
