"""What alembic runs around the migrations; the connection comes from `postgres.upgrade`."""

from __future__ import annotations

from alembic import context

from carbon254.adapters.sqlmodel.tables import METADATA


def run() -> None:
    """Run the migrations in the caller's transaction."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=METADATA)
    context.run_migrations()


if __name__ == "env_py":  # the name alembic loads it by: importing it does nothing
    run()
