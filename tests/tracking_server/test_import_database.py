"""Importing a database of MLflow that is crafted or very full; a real one is in test_import_from_mlflow."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.tracking_server.conftest import Api
from tests.tracking_server.test_import_broken import RUN, carry, lost, private, published, write
from tracking_server.importing import outbox
from tracking_server.importing.importer import POINTS_PER_RECORD
from tracking_server.importing.to_store import StoreTarget
from tracking_server.settings import Settings

__all__ = ["private"]  # the fixture

MODEL = "m-0123456789abcdef0123456789abcdef"
MakeApi = Callable[[Settings], Api]

SCHEMA = """
CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT,
    lifecycle_stage TEXT, creation_time BIGINT, last_update_time BIGINT, workspace TEXT DEFAULT 'default');
CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, experiment_id INTEGER, user_id TEXT, status TEXT,
    start_time BIGINT, end_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT);
CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, run_uuid TEXT);
CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
CREATE TABLE logged_models (model_id TEXT PRIMARY KEY, experiment_id INTEGER, name TEXT,
    artifact_location TEXT, creation_timestamp_ms BIGINT, last_updated_timestamp_ms BIGINT, status INTEGER,
    lifecycle_stage TEXT, model_type TEXT, source_run_id TEXT, status_message TEXT);
CREATE TABLE logged_model_metrics (model_id TEXT, metric_name TEXT, metric_timestamp_ms BIGINT,
    metric_step BIGINT, metric_value FLOAT, run_id TEXT, dataset_name TEXT, dataset_digest TEXT);
CREATE TABLE registered_models (name TEXT, creation_time BIGINT, last_updated_time BIGINT, description TEXT,
    workspace TEXT DEFAULT 'default');
CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER,
    workspace TEXT DEFAULT 'default');
CREATE TABLE registered_model_tags (name TEXT, key TEXT, value TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE model_versions (name TEXT, version INTEGER, creation_time BIGINT, last_updated_time BIGINT,
    description TEXT, user_id TEXT, current_stage TEXT, source TEXT, run_id TEXT, status TEXT,
    status_message TEXT, workspace TEXT DEFAULT 'default');
CREATE TABLE model_version_tags (name TEXT, version INTEGER, key TEXT, value TEXT,
    workspace TEXT DEFAULT 'default');
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of MLflow with a run that has an artifact, and a logged model."""
    path = tmp_path / "mlflow.db"
    home = tmp_path / "served" / "1"
    write(home / RUN / "artifacts" / "a.txt", "hello")
    write(home / "models" / MODEL / "artifacts" / "net.bin", "weights")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    change(path, "INSERT INTO experiments VALUES (1, 'first', ?, 'active', 5, 6, 'default')", str(home))
    change(
        path,
        "INSERT INTO runs VALUES (?, 'n', 1, 'me', 'FINISHED', 5, 6, 'active', ?)",
        RUN,
        f"{home}/{RUN}/artifacts",
    )
    change(
        path,
        "INSERT INTO logged_models VALUES (?, 1, 'net', ?, 5, 6, 2, 'active', '', ?, NULL)",
        MODEL,
        f"{home}/models/{MODEL}/artifacts",
        RUN,
    )
    return path


def change(database: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, values)


def test_artifacts_come_from_where_the_database_says(
    database: Path, settings: Settings, make_api: MakeApi
) -> None:
    importer, problems = carry(f"sqlite:///{database}", settings)

    assert problems == []
    assert importer.carried["files"] == 2
    api = make_api(settings)
    assert api.http.get("/get-artifact", params={"run_id": RUN, "path": "a.txt"}).text == "hello"


@pytest.mark.parametrize("table", ["runs", "logged_models"])
@pytest.mark.parametrize("stated", ["{private}", "file://{private}", "{private}/x/../../private", "{link}"])
def test_a_database_that_names_a_private_directory_publishes_nothing_of_it(
    database: Path, private: Path, settings: Settings, make_api: MakeApi, table: str, stated: str
) -> None:
    owner, column = (RUN, "artifact_uri") if table == "runs" else (MODEL, "artifact_location")
    link = private.parent / owner / "artifacts"
    link.parent.mkdir()
    link.symlink_to(private)
    change(database, f"UPDATE {table} SET {column} = ?", stated.format(private=private, link=link))

    importer, problems = carry(f"sqlite:///{database}", settings)

    assert lost(problems) == ["artifacts"]
    assert "it was not copied" in problems[0].why
    assert importer.carried["files"] == 1
    assert "PRIVATE" not in published(settings, make_api(settings))


def test_a_proxied_uri_that_is_not_the_runs_own_is_told_once_and_copied_from_nowhere(
    database: Path, settings: Settings, tmp_path: Path
) -> None:
    write(tmp_path / "served" / "secrets" / "key", "PRIVATE KEY")
    change(database, "UPDATE runs SET artifact_uri = 'mlflow-artifacts:/secrets'")

    _, problems = carry(f"sqlite:///{database}", settings, proxied=tmp_path / "served")
    assert lost(problems) == ["artifacts"]

    importer, problems = carry(f"sqlite:///{database}", settings, proxied=tmp_path / "served")
    assert (importer.passed["runs"], lost(problems)) == (1, [])


def test_only_the_default_workspace_is_imported_and_the_others_are_named(
    database: Path, settings: Settings, make_api: MakeApi
) -> None:
    theirs = "f" * 32
    change(database, "INSERT INTO experiments VALUES (2, 'first', '/x', 'active', 5, 6, 'team-b')")
    change(database, "INSERT INTO runs VALUES (?, 'n', 2, '', 'FINISHED', 5, 6, 'active', '/x')", theirs)
    for workspace, source in (("default", "s3://ours/model"), ("team-b", "s3://theirs/model")):
        change(database, "INSERT INTO registered_models VALUES ('churn', 1, 1, NULL, ?)", workspace)
        change(
            database,
            "INSERT INTO model_versions VALUES ('churn', 1, 1, 1, '', '', 'None', ?, '', 'READY', '', ?)",
            source,
            workspace,
        )
        change(
            database, "INSERT INTO registered_model_tags VALUES ('churn', 'whose', ?, ?)", source, workspace
        )
        change(
            database, "INSERT INTO model_version_tags VALUES ('churn', 1, 'whose', ?, ?)", source, workspace
        )
        change(
            database, "INSERT INTO registered_model_aliases VALUES ('churn', ?, 1, ?)", workspace, workspace
        )
    change(database, "INSERT INTO registered_models VALUES ('only theirs', 1, 1, NULL, 'team-c')")

    _, problems = carry(f"sqlite:///{database}", settings)

    assert lost(problems) == ["workspace", "workspace"]
    told = [problem.what for problem in problems]
    assert told == [
        "workspace 'team-b' with 1 experiments, 1 registered models",
        "workspace 'team-c' with 0 experiments, 1 registered models",
    ]
    api = make_api(settings)
    assert api.http.get(f"/api/2.0/mlflow/runs/get?run_id={theirs}").status_code == 404
    (model,) = api.get("registered-models/search")["registered_models"]
    ours = [{"key": "whose", "value": "s3://ours/model"}]
    assert (model["name"], model["tags"]) == ("churn", ours)
    assert model["aliases"] == [{"alias": "default", "version": "1"}]
    version = api.get("model-versions/get", name="churn", version="1")["model_version"]
    assert (version["source"], version["tags"]) == ("s3://ours/model", ours)


def absorbed(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    """Every batch of records that goes to a store from now on."""
    batches: list[list[Any]] = []
    absorb = StoreTarget.absorb

    def watched(target: StoreTarget, records: Any) -> Any:
        batches.append(list(records))
        return absorb(target, records)

    monkeypatch.setattr(StoreTarget, "absorb", watched)
    return batches


def test_a_logged_model_with_very_many_points_comes_in_pieces(
    database: Path, settings: Settings, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = 20_000
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO logged_model_metrics VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            ((MODEL, f"m{n % 3}", n, n, float(n), RUN) for n in range(number)),
        )
    batches = absorbed(monkeypatch)

    _, problems = carry(f"sqlite:///{database}", settings)

    assert problems == []
    sizes = [sum(len(getattr(record, "points", ())) for record in batch) for batch in batches]
    assert sum(sizes) == number
    assert max(sizes) <= outbox.MOST_POINTS + POINTS_PER_RECORD
    found = make_api(settings).get(f"logged-models/{MODEL}")["model"]["data"]["metrics"]
    assert {metric["value"] for metric in found} == {float(n) for n in range(number)}


def test_points_of_a_run_that_is_not_there_are_told(database: Path, settings: Settings) -> None:
    change(
        database,
        "INSERT INTO logged_model_metrics VALUES (?, 'm', 1, 1, 0.5, 'unknown', NULL, NULL)",
        MODEL,
    )

    _, problems = carry(f"sqlite:///{database}", settings)

    assert lost(problems) == ["metric"]
    assert "the run that logged them is not here: 'unknown'" in problems[0].why


def test_long_descriptions_and_tags_do_not_go_in_one_transaction(
    database: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(database, "INSERT INTO registered_models (name) VALUES ('churn')")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO model_versions (name, version, description, source) VALUES ('churn', ?, ?, 's3://x/y')",
            ((number, "d" * 50_000) for number in range(1, 200)),
        )
    batches = absorbed(monkeypatch)

    carry(f"sqlite:///{database}", settings)

    largest = max(len(msgspec.json.encode(batch)) for batch in batches)
    assert 50_000 < largest < outbox.MOST_BYTES + 100_000


def test_an_experiment_is_begun_whatever_waits(
    database: Path, settings: Settings, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_RECORDS", 1)
    for number in range(2, 6):
        change(
            database,
            "INSERT INTO experiments VALUES (?, ?, '/x', 'active', 5, 6, 'default')",
            number,
            f"number {number}",
        )

    importer, problems = carry(f"sqlite:///{database}", settings)

    assert (importer.carried["experiments"], importer.carried["runs"], problems) == (5, 1, [])
    found = make_api(settings).post("experiments/search", max_results=10)["experiments"]
    assert len(found) == 6, json.dumps(found)
