"""The schema's revision: new databases are created at once, older ones migrated, newer ones refused.

Alembic is imported only where there is something to migrate: start-up counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event, func, insert, select, text, update

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import access_schema, experiments, webhook_schema
from tracking_server.store.connections import describe
from tracking_server.store.metadata import metadata
from tracking_server.store.registry import schema as registry_schema
from tracking_server.store.schema import schema_version

__all__ = ["access_schema", "registry_schema", "webhook_schema"]  # imported so that `metadata` is whole

HEAD = "0005"
"""The newest revision in `migrations/versions/`; a test compares."""

OLDER: tuple[str, ...] = ("0001", "0002", "0003", "0004")
"""Every earlier revision, oldest first."""

LOCK_WAIT_S = 300
"""How long a start waits for another server that is changing the schema."""

_LOCK_NUMBER = 7_105_113_005_114_101
_BEGUN = "creating"

MIGRATIONS = Path(__file__).parent / "migrations"


def bring_to_head(engine: Engine, settings: Settings) -> None:
    """Create the schema in an empty database or migrate an older one, and see to the default experiment.

    Raises StartRefused for a newer schema or a database of something else, before anything is changed.
    """
    with engine.connect() as connection, _one_at_a_time(connection), connection.begin():
        current = _current(connection)
        if current is None:
            _refuse_strangers(connection, settings)
            _create(connection)
        elif current == _BEGUN:
            _create_again(connection)
        elif current in OLDER:
            migrate(connection)
        elif current != HEAD:
            raise StartRefused(
                f"The database has schema revision {current}, which this version does not know: it belongs "
                "to a newer version of this server, or to MLflow itself. Nothing was changed."
            )
        experiments.ensure_default(connection, settings.experiment_root)


def touch(connection: Connection) -> None:
    """Write the revision that is there already."""
    connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


@contextlib.contextmanager
def _one_at_a_time(connection: Connection) -> Iterator[None]:
    """Servers that start together on one database see to its schema one after another.

    SQLite's write lock, taken by the transaction, does it there. The other locks end with the connection at
    the latest.
    """
    dialect = connection.dialect.name
    if dialect == "sqlite":
        yield
        return
    if dialect == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
        connection.execute(select(func.pg_advisory_lock(_LOCK_NUMBER)))
        release = select(func.pg_advisory_unlock(_LOCK_NUMBER))
    else:
        # Named by the database: one server of MySQL has many.
        name = f"runner schema {connection.engine.url.database}"[:64]
        if connection.execute(select(func.get_lock(name, LOCK_WAIT_S))).scalar() != 1:
            raise StartRefused(f"Another server has been changing the schema for {LOCK_WAIT_S} s. Try again.")
        release = select(func.release_lock(name))
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(release)
            connection.commit()


def _create(connection: Connection) -> None:
    """Make every table of an empty database."""
    schema_version.create(connection, checkfirst=True)
    # Only MySQL ever shows it to anybody: there every table is committed by itself.
    connection.execute(insert(schema_version).values(version_num=_BEGUN))
    _finish(connection)


def _create_again(connection: Connection) -> None:
    """Go on where a creation was cut: nothing can be in those tables yet."""
    metadata.drop_all(
        connection, tables=[table for table in metadata.sorted_tables if table is not schema_version]
    )
    _finish(connection)


def _finish(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.execute(update(schema_version).values(version_num=HEAD))


def _current(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version_num)).scalar()


def _refuse_strangers(connection: Connection, settings: Settings) -> None:
    tables = set(sqlalchemy.inspect(connection).get_table_names())
    if tables - {schema_version.name}:
        where = describe(settings)
        raise StartRefused(
            f"{where} holds tables of something else ({', '.join(sorted(tables)[:5])}). Nothing changed."
        )


def migrate(connection: Connection, to: str = "head") -> None:
    """Bring an older or empty database to HEAD, or revision `to`, within the caller's transaction.

    MySQL commits every change of the schema by itself; a migration that was cut there is begun again, and
    what it has done already is passed over.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if connection.dialect.name in ("sqlite", "postgresql"):
        command.upgrade(config, to)
        return
    event.listen(connection.engine, "do_execute", _unless_done)
    try:
        command.upgrade(config, to)
    finally:
        event.remove(connection.engine, "do_execute", _unless_done)


# Table, column or index exists; what is to be dropped does not. (MySQL's error reference)
_DONE_ALREADY = frozenset({1050, 1060, 1061, 1091})


def _unless_done(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
    try:
        cursor.execute(statement, parameters or None)
    except Exception as error:
        if not error.args or error.args[0] not in _DONE_ALREADY:
            raise
    return True  # it was executed here
