"""The schema: created at once or migrated to, it is the same; and strangers' databases are left alone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import revisions
from tracking_server.store.engine import Database
from tracking_server.store.metadata import metadata

REPOSITORY = Path(__file__).resolve().parents[2]


def script_directory() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(revisions.MIGRATIONS))
    return ScriptDirectory.from_config(config)


def tables(path: Path) -> dict[str, Any]:
    """Everything SQLite says about the tables and indexes of a database."""
    with sqlite3.connect(path) as connection:
        names = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            )
        ]
        described: dict[str, Any] = {}
        for name in names:
            indexes = sorted(row[1:] for row in connection.execute(f"PRAGMA index_list('{name}')"))
            described[name] = {
                "columns": connection.execute(f"PRAGMA table_info('{name}')").fetchall(),
                "foreign keys": sorted(
                    row[2:] for row in connection.execute(f"PRAGMA foreign_key_list('{name}')")
                ),
                "indexes": [
                    (index, connection.execute(f"PRAGMA index_xinfo('{index[0]}')").fetchall())
                    for index in indexes
                ],
            }
        described["clustered"] = connection.execute("PRAGMA table_list").fetchall()
    connection.close()
    described["clustered"] = sorted(row[1:5] for row in described["clustered"])
    return described


def test_creating_and_migrating_lead_to_the_same_schema(tmp_path: Path) -> None:
    created, migrated = tmp_path / "created.db", tmp_path / "migrated.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{created}")
    metadata.create_all(engine)
    engine.dispose()
    engine = sqlalchemy.create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        revisions.migrate(connection)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert tables(created) == tables(migrated)
    assert differences == []


def test_the_revisions_in_the_code_are_those_of_the_migrations() -> None:
    scripts = script_directory()

    assert scripts.get_current_head() == revisions.HEAD
    assert {script.revision for script in scripts.walk_revisions()} == {revisions.HEAD, *revisions.OLDER}


def test_a_second_start_leaves_everything_as_it_is(settings: Settings) -> None:
    for _ in range(2):
        database = Database(settings)
        database.open()
        database.close()
    assert settings.sqlite_path is not None

    with sqlite3.connect(settings.sqlite_path) as connection:
        rows = connection.execute("SELECT id, name FROM experiments").fetchall()
    connection.close()
    assert rows == [(0, "Default")]


def test_starting_on_a_current_database_does_not_import_alembic(settings: Settings) -> None:
    script = (
        "import sys\n"
        "from tracking_server.settings import Settings\n"
        "from tracking_server import app\n"
        f"settings = Settings(backend_store_uri={settings.backend_store_uri!r}, artifacts_destination='a')\n"
        "database = app.build(settings).database\n"
        "database.open(); database.close()\n"
        "heavy = {'alembic', 'jinja2', 'click.testing', 'rich', 'yaml'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )

    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_a_newer_schema_is_refused_untouched(settings: Settings) -> None:
    database = Database(settings)
    database.open()
    database.close()
    assert settings.sqlite_path is not None
    with sqlite3.connect(settings.sqlite_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(StartRefused, match="9999"):
        Database(settings).open()


def test_a_database_of_something_else_is_refused_untouched(settings: Settings) -> None:
    path = settings.sqlite_path
    assert path is not None
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.close()

    with pytest.raises(StartRefused, match="recipes"):
        Database(settings).open()


def test_a_file_that_is_no_database_is_refused(settings: Settings) -> None:
    path = settings.sqlite_path
    assert path is not None
    path.parent.mkdir()
    path.write_text("a letter to a friend " * 100)

    with pytest.raises(StartRefused, match=str(path)):
        Database(settings).open()


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "nonsense", "oracle://x/y"])
def test_stores_that_cannot_be_are_refused(uri: str) -> None:
    with pytest.raises(StartRefused):
        Database(Settings(backend_store_uri=uri, artifacts_destination="a")).open()
