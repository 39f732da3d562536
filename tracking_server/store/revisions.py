"""The schema's revision: new databases are created at once, older ones migrated, newer ones refused.

Alembic is imported only where there is something to migrate: start-up counts.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, Engine, insert, select

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import access_schema, experiments, registry_schema, webhook_schema
from tracking_server.store.metadata import metadata
from tracking_server.store.schema import schema_version

__all__ = ["access_schema", "registry_schema", "webhook_schema"]  # imported so that `metadata` is whole

HEAD = "0002"
"""The newest revision in `migrations/versions/`; a test compares."""

OLDER: tuple[str, ...] = ("0001",)
"""Every earlier revision, oldest first."""

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_to_head(engine: Engine, settings: Settings) -> None:
    """Create the schema in an empty database or migrate an older one, and see to the default experiment.

    Raises StartRefused for a newer schema or a database of something else, before anything is changed.
    """
    with engine.begin() as connection:
        current = _current(connection)
        if current is None:
            _refuse_strangers(connection, settings)
            metadata.create_all(connection)
            connection.execute(insert(schema_version).values(version_num=HEAD))
        elif current in OLDER:
            migrate(connection)
        elif current != HEAD:
            raise StartRefused(
                f"The database has schema revision {current}, which this version does not know: it belongs "
                "to a newer version of this server, or to MLflow itself. Nothing was changed."
            )
        experiments.ensure_default(connection, settings.experiment_root)


def _current(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version_num)).scalar()


def _refuse_strangers(connection: Connection, settings: Settings) -> None:
    tables = sqlalchemy.inspect(connection).get_table_names()
    if tables:
        where = settings.sqlite_path or "The database"
        raise StartRefused(
            f"{where} holds tables of something else ({', '.join(sorted(tables)[:5])}). Nothing changed."
        )


def migrate(connection: Connection) -> None:
    """Bring an older or empty database to HEAD within the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
