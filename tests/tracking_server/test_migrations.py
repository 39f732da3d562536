"""Databases of every earlier revision, on every database: brought forward with all that is in them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, text

from tests.tracking_server.database_servers import Stores
from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import connections, experiments, revisions, runs
from tracking_server.store.engine import Database
from tracking_server.store.metric_points import MetricPoint
from tracking_server.store.records import WireFloat
from tracking_server.store.searching import paging, search

REPOSITORY = Path(__file__).resolve().parents[2]
REVISIONS = (*revisions.OLDER, revisions.HEAD)

# What a server of revision 0001 stored, table by table and in an order that foreign keys allow.
CONTENT: dict[str, list[dict[str, Any]]] = {
    "experiments": [
        {"id": 0, "name": "Default", "artifact_location": "mlflow-artifacts:/0", "deleted": False}
        | {"created_at_ms": 1, "updated_at_ms": 2},
        {"id": 7, "name": "ünïcode", "artifact_location": "mlflow-artifacts:/7", "deleted": True}
        | {"created_at_ms": 3, "updated_at_ms": 4},
    ],
    "experiment_tags": [{"experiment_id": 7, "key": "k", "value": "v"}],
    "runs": [
        {
            "id": 3,
            "uuid": "a" * 32,
            "experiment_id": 0,
            "name": "first",
            "user_id": "me",
            "status": "FINISHED",
        }
        | {"start_ms": 10, "end_ms": 20, "artifact_uri": "mlflow-artifacts:/0/a", "deleted": False},
        {"id": 4, "uuid": "b" * 32, "experiment_id": 0, "name": "n" * 400, "user_id": "", "status": "RUNNING"}
        | {"start_ms": 11, "end_ms": None, "artifact_uri": "mlflow-artifacts:/0/b", "deleted": True},
    ],
    "params": [
        {"run_id": 3, "key": "lr", "value": "0.1"},
        {"run_id": 3, "key": "LR", "value": "€" * 6000},
        {"run_id": 4, "key": "lr", "value": ""},
    ],
    "run_tags": [
        {"run_id": 3, "key": "mlflow.runName", "value": "first"},
        {"run_id": 3, "key": "t", "value": "🙂"},
    ],
    "metric_keys": [{"id": 5, "name": "loss"}, {"id": 6, "name": "Loss"}],
    "metrics": [
        {
            "run_id": 3,
            "key_id": key,
            "timestamp_ms": 100 + step,
            "step": step,
            "value": step / 2,
            "is_nan": False,
        }
        for key in (5, 6)
        for step in range(5)
    ],
    "latest_metrics": [
        {
            "run_id": 3,
            "key_id": key,
            "experiment_id": 0,
            "timestamp_ms": 104,
            "step": 4,
            "value": 2.0,
            "is_nan": False,
        }
        for key in (5, 6)
    ],
    "logged_models": [
        {
            "id": 8,
            "uuid": "m-1",
            "experiment_id": 0,
            "name": "model",
            "model_type": "",
            "status": 2,
            "source_run_uuid": None,
            "artifact_uri": "mlflow-artifacts:/0/models/m-1/artifacts",
            "created_at_ms": 12,
            "updated_at_ms": 13,
            "deleted": False,
        }
    ],
    "logged_model_metrics": [
        {
            "model_id": 8,
            "key": key,
            "run_id": run,
            "dataset_name": dataset,
            "dataset_digest": dataset[:1],
            "timestamp_ms": 100,
            "step": 4,
            "value": value,
            "is_nan": key == "nan",
        }
        for key, run, dataset, value in (
            ("loss", 3, "", 2.0),
            ("loss", 3, "d" * 500, 1.0),
            ("loss", 4, "", 3.0),
            ("Loss", 3, "", -1.0),
            ("nan", 3, "", 0.0),
        )
    ],
}
EXPECTED_PARAMS = [("LR", "€" * 6000), ("lr", "0.1")]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield Settings(backend_store_uri=f"sqlite:///{tmp_path}/mlruns.db", artifacts_destination="a")
        return
    stores: Stores = request.getfixturevalue(f"{request.param}_stores")
    name = stores.server.create_database()
    yield Settings(backend_store_uri=stores.server.uri(name), artifacts_destination="a")
    stores.server.drop_database(name)


def engine_of(settings: Settings) -> Engine:
    writing, reading = connections.engines(settings)
    reading.dispose()
    return writing


def store_of(settings: Settings, revision: str) -> None:
    """Make a store of `revision` that a server of revision 0001 has filled."""
    engine = engine_of(settings)
    with engine.begin() as connection:
        revisions.migrate(connection, "0001")
        for table, rows in CONTENT.items():
            columns = ", ".join(
                f'"{name}"' if engine.dialect.name != "mysql" else f"`{name}`" for name in rows[0]
            )
            values = ", ".join(f":{name}" for name in rows[0])
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), rows)
    with engine.begin() as connection:
        revisions.migrate(connection, revision)
    engine.dispose()


def check(settings: Settings) -> None:
    """A server starts on the store, finds everything, and can go on."""
    database = Database(settings)
    database.open()

    def read(connection: Any) -> None:
        run = runs.get(connection, "a" * 32)
        assert [(param.key, param.value) for param in run.data.params] == EXPECTED_PARAMS
        assert [(tag.key, tag.value) for tag in run.data.tags] == [("mlflow.runName", "first"), ("t", "🙂")]
        assert [(point.key, point.value, point.step) for point in run.data.metrics] == [
            ("Loss", 2.0, 4),
            ("loss", 2.0, 4),
        ]
        assert runs.get(connection, "b" * 32).info.run_name == "n" * 400
        assert (
            connection.execute(text("SELECT count(*) FROM metrics WHERE timestamp_ms >= 100")).scalar() == 10
        )
        experiment = experiments.get(connection, "7")
        assert (experiment.name, experiment.lifecycle_stage, experiment.tags[0].value) == (
            "ünïcode",
            "deleted",
            "v",
        )
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [
            (revisions.HEAD,)
        ]

    database.read_now(read)
    check_models(database)
    new = runs.NewRun(experiment_id="0", tags={"a": "b"})
    made = database.write_and_wait(lambda connection: runs.create(connection, new))
    database.write_and_wait(lambda connection: runs.log(connection, made.info.run_id, new_params={"lr": "1"}))
    database.close()


def check_models(database: Database) -> None:
    """The points of the logged model are there, searches find it by each, and it takes more."""
    by_loss = paging.SearchRequest(filter="metrics.loss < 1.5", order_by=("metrics.loss DESC",))

    def read(connection: Any) -> list[tuple[str, WireFloat, int, int, str]]:
        (model,) = search.logged_models(connection, ["0"], by_loss).items
        return [
            (point.key, point.value, point.timestamp, point.step, (point.dataset_name or "")[:1])
            for point in model.data.metrics
        ]

    points = database.read_now(read)
    assert [point for point in points if point[2] == 100] == [
        ("Loss", -1.0, 100, 4, ""),
        ("loss", 2.0, 100, 4, ""),
        ("loss", 1.0, 100, 4, "d"),
        ("loss", 3.0, 100, 4, ""),
        ("nan", "NaN", 100, 4, ""),
    ]
    new = [MetricPoint(key="loss", value=0.5, timestamp_ms=len(points), model_id="m-1")]
    database.write_and_wait(lambda connection: runs.log(connection, "a" * 32, points=new))
    assert len(database.read_now(read)) == len(points) + 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_every_revision_is_brought_forward_whole(settings: Settings, revision: str) -> None:
    store_of(settings, revision)

    check(settings)
    check(settings)


def schema_of(settings: Settings) -> dict[str, Any]:
    engine = engine_of(settings)
    inspector = sqlalchemy.inspect(engine)
    described: dict[str, Any] = {}
    for table in inspector.get_table_names():
        described[table] = {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"])
                for column in inspector.get_columns(table)
            },
            "indexes": sorted(
                (str(index["name"]), index["column_names"]) for index in inspector.get_indexes(table)
            ),
            "keys": sorted(
                (tuple(key["constrained_columns"]), key["referred_table"])
                for key in inspector.get_foreign_keys(table)
            ),
            "primary": inspector.get_pk_constraint(table)["constrained_columns"],
        }
    engine.dispose()
    return described


def test_migrating_and_creating_lead_to_the_same_schema(settings: Settings, tmp_path: Path) -> None:
    store_of(settings, "0001")
    check(settings)
    migrated = schema_of(settings)
    engine = engine_of(settings)
    with engine.begin() as connection:
        reflected = sqlalchemy.MetaData()
        reflected.reflect(connection)
        reflected.drop_all(connection)
    engine.dispose()
    database = Database(settings)
    database.open()
    database.close()

    assert schema_of(settings) == migrated


CUT = """
import os, signal, sys
from sqlalchemy import Engine, event
from tracking_server.settings import Settings
from tracking_server.store.engine import Database

statements = 0

@event.listens_for(Engine, "after_cursor_execute")
def count(_connection, _cursor, statement, *_rest):
    global statements
    if statement.split()[0] in ("CREATE", "ALTER", "DROP", "UPDATE", "INSERT"):
        statements += 1
        if statements == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

database = Database(Settings(backend_store_uri=sys.argv[1], artifacts_destination="a"))
database.open()
database.close()
"""


def cut_after(settings: Settings, statements: int) -> bool:
    """Start on the store in a process that is killed after so many statements; whether it lived to the end."""
    done = subprocess.run(
        [sys.executable, "-c", CUT, settings.backend_store_uri, str(statements)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == 0


def test_a_migration_that_is_killed_leaves_the_old_store_or_the_new_one(settings: Settings) -> None:
    store_of(settings, "0001")
    for statements in (1, 4, 9, 16, 25, 36, 49, 64, 81):
        if cut_after(settings, statements):
            break
        if "mysql" in settings.backend_store_uri:
            continue  # its schema changes step by step; the next start goes on
        engine = engine_of(settings)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("0001",)]
            assert connection.execute(text("SELECT count(*) FROM params")).scalar() == 3
        engine.dispose()

    check(settings)


# The others take back what a killed migration has done.
@pytest.mark.parametrize("settings", ["mariadb"], indirect=True)
def test_the_last_migrations_may_be_killed_after_any_of_their_statements(settings: Settings) -> None:
    store_of(settings, "0003")
    statements = 1
    while not cut_after(settings, statements):
        statements += 1

    assert statements > 5
    check(settings)


@pytest.mark.parametrize("statements", [1, 2, 3, 11, 30])
def test_a_creation_that_is_killed_is_done_at_the_next_start(settings: Settings, statements: int) -> None:
    assert not cut_after(settings, statements)

    database = Database(settings)
    database.open()
    found = database.read_now(lambda connection: experiments.get(connection, "0"))
    database.close()
    assert found.name == "Default"


def test_a_newer_store_is_refused_untouched(settings: Settings) -> None:
    store_of(settings, "0001")
    engine = engine_of(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = schema_of(settings)

    with pytest.raises(StartRefused, match="9999"):
        Database(settings).open()

    assert schema_of(settings) == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [("9999",)]
    engine.dispose()


def test_a_database_of_something_else_is_refused_untouched(settings: Settings) -> None:
    engine = engine_of(settings)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE recipes (id INTEGER)"))
    engine.dispose()

    with pytest.raises(StartRefused, match="recipes"):
        Database(settings).open()

    assert list(schema_of(settings)) == ["recipes"]
