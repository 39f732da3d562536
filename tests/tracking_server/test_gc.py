"""`runner server gc`: what goes, what stays, and that a kill at any moment is made good by the next."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.cli.main import cli
from tracking_server.api import model_sources
from tracking_server.api import model_versions as api_model_versions
from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.errors import InvalidParameter
from tracking_server.gc import registered, rows
from tracking_server.gc.collect import CHANGED, _Collector, collect
from tracking_server.gc.files import Belongings
from tracking_server.gc.registered import RegisteredFiles
from tracking_server.gc.wish import Found, Wish, age_ms
from tracking_server.settings import Settings
from tracking_server.store import experiments, schema
from tracking_server.store.engine import Database
from tracking_server.store.metadata import metadata
from tracking_server.store.registry import schema as registry

EVER = Wish(before_ms=2**61)
TABLES = [table for table in metadata.sorted_tables if table.name not in ("alembic_version", "metric_keys")]


@pytest.fixture
def store(api: Any) -> Any:
    return api


def all_rows(store: Any) -> dict[str, int]:
    """How many rows each table has; empty ones left out."""

    def read(connection: Any) -> dict[str, int]:
        counts = {table.name: len(connection.execute(table.select()).all()) for table in TABLES}
        return {name: number for name, number in counts.items() if number}

    return dict(store.application.database.read_now(read))


def full_run(store: Any, experiment_id: str = "0", points: int = 3) -> str:
    """A run with one of everything."""
    run_id = str(store.run(experiment_id))
    metrics = [{"key": f"m{n % 2}", "value": n, "timestamp": n, "step": n} for n in range(points)]
    for start in range(0, points, 1000):
        store.post("runs/log-batch", run_id=run_id, metrics=metrics[start : start + 1000])
    store.post(
        "runs/log-batch",
        run_id=run_id,
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "t", "value": "1"}],
    )
    dataset = {"name": "d", "digest": "1", "source_type": "s", "source": "s"}
    store.post(
        "runs/log-inputs",
        run_id=run_id,
        datasets=[{"dataset": dataset, "tags": [{"key": "a", "value": "b"}]}],
    )
    upload(store, store.whole_run(run_id)["info"]["artifact_uri"], "deep/file.txt", b"12345")
    return run_id


def model_of(store: Any, run_id: str | None, experiment_id: str = "0", **body: Any) -> str:
    """A logged model with one of everything."""
    model = store.post(
        "logged-models",
        experiment_id=experiment_id,
        name="model",
        source_run_id=run_id,
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "t", "value": "1"}],
        **body,
    )["model"]["info"]
    if run_id is not None:
        store.post("runs/outputs", run_id=run_id, models=[{"model_id": model["model_id"], "step": 1}])
        store.post(
            "runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1, model_id=model["model_id"]
        )
    upload(store, model["artifact_uri"], "MLmodel", b"123")
    return str(model["model_id"])


def delete_model(store: Any, model_id: str) -> None:
    assert store.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}").status_code == 200


def upload(store: Any, artifact_uri: str, path: str, body: bytes) -> None:
    where = artifact_uri.removeprefix("mlflow-artifacts:").lstrip("/")
    reply = store.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{where}/{path}", content=body)
    assert reply.status_code == 200, reply.text


def files(settings: Settings) -> list[str]:
    root = Path(settings.artifacts_destination)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def collected(settings: Settings, wish: Wish = EVER, *, delete: bool = True) -> list[Found]:
    return list(collect(settings, wish, delete=delete))


def gone(found: list[Found]) -> set[str]:
    return {thing.id for thing in found if thing.kept is None}


def test_a_dry_run_says_everything_and_changes_nothing(store: Any, settings: Settings) -> None:
    run_id = full_run(store)
    model_id = model_of(store, run_id)
    store.post("runs/delete", run_id=run_id)
    before = all_rows(store), files(settings)

    found = {thing.id: thing for thing in collected(settings, delete=False)}

    assert (all_rows(store), files(settings)) == before
    assert found.keys() == {run_id, model_id}
    run = found[run_id]
    assert (run.kind, run.points, run.files, run.size_bytes, run.kept) == ("run", 4, 1, 5, None)
    assert (found[model_id].kind, found[model_id].files, found[model_id].size_bytes) == ("model", 1, 3)


def test_a_deleted_run_goes_with_all_that_is_its_own_and_nothing_else(store: Any, settings: Settings) -> None:
    survivor = full_run(store)
    kept_model = model_of(store, survivor)
    before = all_rows(store), files(settings)
    run_id = full_run(store)
    model_id = model_of(store, run_id)
    store.post("runs/delete", run_id=run_id)

    assert gone(collected(settings)) == {run_id, model_id}

    assert (all_rows(store), files(settings)) == before
    assert not (Path(settings.artifacts_destination) / "0" / run_id).exists()
    assert store.get(f"logged-models/{kept_model}")["model"]["info"]["status"] == "LOGGED_MODEL_PENDING"
    assert store.refused("GET", "runs/get", run_id=run_id)[0] == 404
    assert collected(settings) == []


def test_a_run_with_many_points_goes_in_short_transactions(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "POINTS_PER_STEP", 100)
    run_id = full_run(store, points=1050)
    store.post("runs/delete", run_id=run_id)
    most: list[int] = []
    left = store.application.database.read_now

    def count(connection: Any, row_id: int) -> bool:
        before = len(connection.execute(schema.metrics.select()).all())
        more = remove(connection, row_id)
        most.append(before - len(connection.execute(schema.metrics.select()).all()))
        return more

    remove = rows.remove_some_points
    monkeypatch.setattr(rows, "remove_some_points", count)

    collected(settings)

    assert (max(most), sum(most)) == (100, 1050)
    assert left(lambda c: c.execute(schema.latest_metrics.select()).all()) == []


def test_only_what_was_deleted_long_enough_ago_goes(store: Any, settings: Settings) -> None:
    first = full_run(store)
    store.post("runs/delete", run_id=first)
    deleted_at = store.application.database.read_now(
        lambda c: c.execute(schema.runs.select()).one().deleted_at_ms
    )

    assert collected(settings, Wish(before_ms=deleted_at)) == []
    assert gone(collected(settings, Wish(before_ms=deleted_at + 1))) == {first}


def test_a_restored_run_stays(store: Any, settings: Settings) -> None:
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)
    store.post("runs/restore", run_id=run_id)

    assert collected(settings) == []
    assert len(files(settings)) == 1


def test_a_run_whose_removal_was_cut_cannot_be_restored(store: Any) -> None:
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)
    database = store.application.database
    (row_id,) = database.read_now(lambda c: c.execute(schema.runs.select()).scalars().all())
    assert database.write_and_wait(lambda c: rows.mark_run(c, row_id, 2**62))

    status, code, _ = store.refused("POST", "runs/restore", run_id=f"{rows.MARK}{row_id}")

    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert store.search(run_view_type="ACTIVE_ONLY") == []


def test_a_run_that_is_restored_between_looking_and_removing_stays_whole(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)
    before = all_rows(store), files(settings)
    mark = rows.mark_run

    def restored_first(connection: Any, row_id: int, before_ms: int, **options: bool) -> bool:
        connection.execute(schema.runs.update().values(deleted=False, deleted_at_ms=None))
        return mark(connection, row_id, before_ms, **options)

    monkeypatch.setattr(rows, "mark_run", restored_first)

    (found,) = collected(settings)

    assert found.kept is not None
    assert "restored" in found.kept
    assert (all_rows(store), files(settings)) == before


def test_an_experiment_goes_with_its_runs_and_its_models(store: Any, settings: Settings) -> None:
    before = all_rows(store)
    experiment = store.experiment("short-lived", tags=[{"key": "t", "value": "1"}])
    run_id = full_run(store, experiment)
    model_id = model_of(store, run_id, experiment)
    store.post("experiments/delete", experiment_id=experiment)

    dry = gone(collected(settings, delete=False))
    assert dry == gone(collected(settings)) == {experiment, run_id, model_id}

    assert all_rows(store) == before
    assert files(settings) == []
    assert store.experiment("short-lived") != ""


def test_an_experiment_with_something_left_in_it_stays(store: Any, settings: Settings) -> None:
    experiment = store.experiment("half full")
    run_id = full_run(store, experiment)
    store.post("experiments/delete", experiment_id=experiment)
    store.post("runs/restore", run_id=run_id)

    (found,) = collected(settings)

    assert (found.id, found.kept) == (experiment, "1 runs and 0 logged models are left in it")


def test_a_deleted_logged_model_goes_with_its_artifacts(store: Any, settings: Settings) -> None:
    before = all_rows(store)
    run_id = store.run()
    model_id = model_of(store, None)
    store.post("runs/log-inputs", run_id=run_id, models=[{"model_id": model_id}])
    delete_model(store, model_id)
    store.post("runs/delete", run_id=run_id)

    assert gone(collected(settings)) == {run_id, model_id}

    assert all_rows(store) == before
    assert files(settings) == []


@pytest.mark.parametrize("reader_came", ["before", "meanwhile"])
def test_a_deleted_logged_model_that_a_run_reads_stays(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, reader_came: str
) -> None:
    reader, model_id = store.run(), model_of(store, None)
    store.post("runs/log-inputs", run_id=reader, models=[{"model_id": model_id}])
    delete_model(store, model_id)
    if reader_came == "meanwhile":
        monkeypatch.setattr(_Collector, "_reader", lambda *_: None)
    before = all_rows(store), files(settings)

    (found,) = collected(settings)

    assert found.kept == (f"run {reader} reads it" if reader_came == "before" else CHANGED)
    assert (all_rows(store), files(settings)) == before


def test_a_model_that_no_run_made_goes_with_its_experiment(store: Any, settings: Settings) -> None:
    before = all_rows(store)
    experiment = store.experiment("of a model")
    model_id = model_of(store, None, experiment)
    assert collected(settings) == []
    store.post("experiments/delete", experiment_id=experiment)
    deleted_at = store.get("experiments/get", experiment_id=experiment)["experiment"]["last_update_time"]
    assert collected(settings, Wish(before_ms=deleted_at)) == []

    dry = gone(collected(settings, delete=False))
    assert dry == gone(collected(settings)) == {experiment, model_id}

    assert (all_rows(store), files(settings)) == (before, [])


def test_a_model_whose_experiment_is_restored_meanwhile_stays(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = store.experiment("of a model")
    model_id = model_of(store, None, experiment)
    store.post("experiments/delete", experiment_id=experiment)
    is_deleted = rows.is_deleted

    def restored_first(connection: Any, model: int) -> bool:
        experiments.set_deleted(connection, experiment, deleted=False)
        return is_deleted(connection, model)

    monkeypatch.setattr(rows, "is_deleted", restored_first)

    found = {thing.id: thing.kept for thing in collected(settings)}

    assert found == {model_id: CHANGED}
    assert store.get(f"logged-models/{model_id}")["model"]["info"]["model_id"] == model_id


def test_a_model_that_another_run_reads_outlives_the_run_that_made_it(store: Any, settings: Settings) -> None:
    maker, reader = full_run(store), store.run()
    model_id = model_of(store, maker)
    store.post("runs/log-inputs", run_id=reader, models=[{"model_id": model_id}])
    store.post("runs/delete", run_id=maker)

    kept = {thing.id: thing.kept for thing in collected(settings)}

    assert kept == {maker: None, model_id: f"run {reader} reads it"}
    assert store.get(f"logged-models/{model_id}")["model"]["info"]["model_id"] == model_id
    assert [Path(path).name for path in files(settings)] == ["MLmodel"]


def register(store: Any, **columns: Any) -> None:
    """A model version as the registry stores it."""

    store.application.database.write_and_wait(lambda connection: register_on(connection, **columns))


def register_on(connection: Any, **columns: Any) -> None:
    at = {"created_at_ms": 1, "updated_at_ms": 1}
    model = {"id": 7, "name": "churn", "last_version": 3, **at}
    connection.execute(registry.registered_models.insert().values(**model))
    version = {"registered_model_id": 7, "version": 3, "stage": "None", "status": "READY"}
    none = {"run_uuid": "", "run_link": "", "source": "s"}
    connection.execute(registry.model_versions.insert().values(**version, **at, **(none | columns)))


@pytest.mark.parametrize("by", ["run", "model"])
def test_what_a_model_version_comes_from_stays(store: Any, settings: Settings, by: str) -> None:
    run_id = full_run(store)
    model_id = model_of(store, run_id)
    register(store, **({"run_uuid": run_id} if by == "run" else {"model_uuid": model_id}))
    store.post("runs/delete", run_id=run_id)
    before = all_rows(store), files(settings)

    (found,) = collected(settings)

    assert found.id == run_id
    assert found.kept == "version 3 of the registered model 'churn' comes from it: delete that first"
    assert (all_rows(store), files(settings)) == before


@pytest.mark.parametrize("of", ["run", "model"])
@pytest.mark.parametrize("spelt", ["proxied", "absolute", "by http", "resolved", "by id"])
def test_what_has_the_files_of_a_model_version_without_a_run_stays(
    store: Any, settings: Settings, spelt: str, of: str
) -> None:
    run_id = full_run(store)
    model_id = model_of(store, run_id)
    uri = store.whole_run(run_id)["info"]["artifact_uri"]
    if of == "model":
        uri = store.get(f"logged-models/{model_id}")["model"]["info"]["artifact_uri"]
    inside = uri.removeprefix("mlflow-artifacts:")
    register(
        store,
        **{
            "proxied": {"source": f"{uri}/deep"},
            "absolute": {"source": f"{settings.artifacts_destination}{inside}"},
            "by http": {"source": f"http://x/api/2.0/mlflow-artifacts/artifacts{inside}/deep"},
            "resolved": {"source": "s3://x/y", "storage_location": f"{uri}/deep", "run_uuid": "f" * 32},
            "by id": {"source": f"runs:/{run_id}/deep" if of == "run" else f"models:/{model_id}"},
        }[spelt],
    )
    store.post("runs/delete", run_id=run_id)
    before = all_rows(store), files(settings)

    (found,) = collected(settings)

    assert found.id == run_id
    assert found.kept == (
        "the files of version 3 of the registered model 'churn' are among its artifacts: delete that first"
    )
    assert (all_rows(store), files(settings)) == before


def test_a_version_that_is_stored_after_the_look_at_its_files_keeps_them(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = full_run(store), full_run(store)
    for run_id in (first, second):
        store.post("runs/delete", run_id=run_id)
    uri = store.whole_run(second)["info"]["artifact_uri"]
    mark = _Collector._mark

    def registered_first(collector: _Collector, connection: Any, run: Any, models: Any) -> bool:
        if run.uuid == second:
            register_on(connection, source=uri)
        return mark(collector, connection, run, models)

    monkeypatch.setattr(_Collector, "_mark", registered_first)

    found = {thing.id: thing.kept for thing in collected(settings)}

    assert found == {first: None, second: CHANGED}
    assert files(settings) == [f"0/{second}/artifacts/deep/file.txt"]


def test_no_version_is_made_of_what_a_collection_removed_meanwhile(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker, run_id = store.run(), full_run(store)
    model_id = model_of(store, maker)
    model_uri = store.get(f"logged-models/{model_id}")["model"]["info"]["artifact_uri"]
    store.post("registered-models/create", name="m")
    resolve = model_sources.resolve

    async def collected_meanwhile(*given: Any, **options: Any) -> Any:
        found = await resolve(*given, **options)
        for table, uuid in ((schema.runs, run_id), (schema.logged_models, model_id)):
            values = {"deleted": True, **({"deleted_at_ms": 1} if table is schema.runs else {})}
            gone = table.update().where(table.c.uuid == uuid).values(**values)
            await store.application.database.write(lambda c, gone=gone: c.execute(gone))
        await asyncio.to_thread(collected, settings)
        return found

    monkeypatch.setattr(api_model_versions, "resolve", collected_meanwhile)

    for origin in (
        {"source": f"runs:/{run_id}/deep", "run_id": run_id},
        {"source": f"models:/{model_id}", "model_id": model_id},
        {"source": f"{model_uri}/x", "model_id": model_id},
    ):
        status, code, message = store.refused("POST", "model-versions/create", name="m", **origin)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE"), message
    assert "model_versions" not in all_rows(store)


def test_a_version_that_is_deleted_keeps_nothing(store: Any) -> None:
    run_id = full_run(store)
    database = store.application.database
    register(store, source=f"runs:/{run_id}/deep")
    (row,) = database.read_now(lambda c: c.execute(schema.runs.select()).all())
    known = RegisteredFiles()
    assert database.read_now(lambda c: known.version_in(c, [row])) is not None

    reply = store.http.request(
        "DELETE", "/api/2.0/mlflow/model-versions/delete", json={"name": "churn", "version": "3"}
    )

    assert reply.status_code == 200
    assert database.read_now(lambda c: known.version_in(c, [row])) is None


def test_all_pages_of_versions_are_looked_at(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "PAGE", 2)
    monkeypatch.setattr(registered, "LATE", 1)
    run_ids = [full_run(store) for _ in range(5)]
    store.post("registered-models/create", name="m")
    for run_id in run_ids:
        store.post("model-versions/create", name="m", source=f"s3://b/{run_id}/artifacts/x")
    known = RegisteredFiles()

    def look(connection: Any) -> list[str | None]:
        found = connection.execute(schema.runs.select().order_by(schema.runs.c.id)).all()
        return [known.version_in(connection, [row]) for row in found]

    for _ in range(2):
        assert [str(words)[:22] for words in store.application.database.read_now(look)] == [
            f"the files of version {number}" for number in range(1, 6)
        ]


def test_named_runs_only_and_reasons_for_those_that_cannot_go(store: Any, settings: Settings) -> None:
    wanted, other, active = full_run(store), full_run(store), full_run(store)
    for run_id in (wanted, other):
        store.post("runs/delete", run_id=run_id)
    wish = Wish(before_ms=EVER.before_ms, run_ids=frozenset({wanted, active, "f" * 32}))

    kept = {thing.id: thing.kept for thing in collected(settings, wish)}

    assert kept == {
        wanted: None,
        active: "it is not deleted: delete it first",
        "f" * 32: "there is no such run",
    }
    assert store.whole_run(other)["info"]["lifecycle_stage"] == "deleted"


def test_experiment_ids_narrow_it_down(store: Any, settings: Settings) -> None:
    one, two = store.experiment("one"), store.experiment("two")
    runs = [full_run(store, one), full_run(store, two)]
    for run_id in runs:
        store.post("runs/delete", run_id=run_id)

    wish = Wish(before_ms=EVER.before_ms, experiment_ids=frozenset({int(two)}))

    assert gone(collected(settings, wish)) == {runs[1]}


def test_a_run_whose_artifacts_are_elsewhere_stays_unless_they_may(store: Any, settings: Settings) -> None:
    experiment = store.experiment("elsewhere", artifact_location="s3://bucket/prefix")
    run_id = store.run(experiment)
    store.post("runs/delete", run_id=run_id)

    (kept,) = collected(settings)
    assert kept.kept is not None
    assert "artifacts" in kept.kept

    wish = Wish(before_ms=EVER.before_ms, leave_artifacts=True)
    (left,) = collected(settings, wish)
    assert left.kept is None
    assert left.note is not None
    assert "s3://bucket/prefix" in left.note


def move(store: Any, run_id: str, artifact_uri: str) -> None:
    """A run as an import of old may have left it."""
    runs = schema.runs
    to = runs.update().where(runs.c.uuid == run_id).values(artifact_uri=artifact_uri)
    store.application.database.write_and_wait(lambda connection: connection.execute(to))


@pytest.mark.parametrize("where", ["0/{victim}/artifacts", "0/artifacts", ".uploads/x/artifacts"])
def test_a_run_that_says_it_is_where_others_are_takes_nothing_of_theirs_along(
    store: Any, settings: Settings, where: str
) -> None:
    victim = full_run(store)
    thief = store.run()
    move(store, thief, "mlflow-artifacts:/" + where.format(victim=victim))
    store.post("runs/delete", run_id=thief)

    (kept,) = collected(settings)
    assert kept.kept is not None
    assert "not a directory of its own" in kept.kept

    wish = Wish(before_ms=EVER.before_ms, leave_artifacts=True)
    assert gone(collected(settings, wish)) == {thief}
    assert files(settings) == [f"0/{victim}/artifacts/deep/file.txt"]


def test_artifacts_that_may_stay_stay_also_when_the_next_collection_finishes(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = full_run(store)
    thief = store.run()
    move(store, thief, f"mlflow-artifacts:/0/{victim}/artifacts")
    store.post("runs/delete", run_id=thief)

    def killed(_: Belongings) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Belongings, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            collected(settings, Wish(before_ms=EVER.before_ms, leave_artifacts=True))
    (finished,) = collected(settings)

    assert finished.kept is None
    assert files(settings) == [f"0/{victim}/artifacts/deep/file.txt"]


def test_artifacts_that_are_gone_already_are_no_error(store: Any, settings: Settings) -> None:
    run_id = full_run(store)
    LocalArtifacts(Path(settings.artifacts_destination)).remove(f"0/{run_id}")
    store.post("runs/delete", run_id=run_id)

    assert gone(collected(settings)) == {run_id}


def test_artifacts_that_cannot_be_removed_keep_the_rows_for_the_next_time(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_rows(store)
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)

    def fails(_self: LocalArtifacts, _path: str) -> None:
        raise OSError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(LocalArtifacts, "remove", fails)
        with pytest.raises(OSError, match="on fire"):
            collected(settings)

    assert all_rows(store)["runs"] == 1
    assert store.refused("POST", "runs/restore", run_id=run_id)[0] == 404
    collected(settings)
    assert (all_rows(store), files(settings)) == (before, [])


@pytest.mark.parametrize("moment", [0, 1, 2, 4, 7, 10])
def test_killed_at_any_commit_the_next_one_finishes(
    store: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    monkeypatch.setattr(rows, "POINTS_PER_STEP", 10)
    before = all_rows(store)
    experiment = store.experiment("doomed")
    run_id = full_run(store, experiment, points=50)
    model_of(store, run_id, experiment)
    store.post("experiments/delete", experiment_id=experiment)
    calls = 0
    write = Database.write_and_wait

    class Killed(BaseException):
        pass

    def dies(database: Database, work: Callable[[Any], Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls > moment:
            raise Killed
        return write(database, work)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write_and_wait", dies)
        with pytest.raises(Killed):
            collected(settings)

    collected(settings)

    assert (all_rows(store), files(settings)) == (before, [])


def test_killed_for_real_while_a_server_runs_the_next_one_finishes(
    start_server: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    server = start_server()
    runs = [server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"] for _ in range(20)]
    survivor = runs.pop()
    points = [{"key": "m", "value": n, "timestamp": n, "step": n} for n in range(500)]
    for run_id in runs:
        server.post("runs/log-batch", run_id=run_id, metrics=points)
        reply = server.http.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/a", content=b"a")
        assert reply.status_code == 200
        server.post("runs/delete", run_id=run_id)
    command = [sys.executable, "-m", "runner.cli.main", "server", "gc", "--older-than", "0s", "--yes"]
    command += ["--backend-store-uri", settings.backend_store_uri]
    command += ["--artifacts-destination", settings.artifacts_destination]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

    for lines in (1, 3, 6):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
        server.post("runs/log-metric", run_id=survivor, key="m", value=1, timestamp=time.time_ns() // 10**6)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    left = server.post("runs/search", experiment_ids=["0"], run_view_type="ALL")["runs"]
    assert [run["info"]["run_id"] for run in left] == [survivor]
    assert files(settings) == []


def invoke(settings: Settings, *options: str) -> Any:
    command = ["server", "gc", "--backend-store-uri", settings.backend_store_uri]
    command += ["--artifacts-destination", settings.artifacts_destination, *options]
    return CliRunner().invoke(cli, command, catch_exceptions=False)


def test_the_command_prints_a_table_and_removes_only_with_yes(store: Any, settings: Settings) -> None:
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)

    assert "would remove 0 runs" in invoke(settings).output

    shown = invoke(settings, "--older-than", "0s")
    assert run_id in shown.stdout
    assert "would remove 1 run, 0 models, 0 experiments, 3 metric points, 1 files of 5 B" in shown.stderr
    assert len(all_rows(store)) > 1

    assert "removed 1 run," in invoke(settings, "--older-than", "0s", "--yes").stderr
    assert files(settings) == []


def test_the_command_prints_one_json_document(store: Any, settings: Settings) -> None:
    run_id = full_run(store)
    store.post("runs/delete", run_id=run_id)

    document = json.loads(invoke(settings, "--run-ids", run_id, "--json").stdout)

    assert [thing["id"] for thing in document["things"]] == [run_id]
    assert (document["runs"], document["dry_run"], document["size_bytes"]) == (1, True, 5)
    assert json.loads(invoke(settings, "--json").stdout)["things"] == []


def test_nothing_is_made_where_there_is_no_store(tmp_path: Path) -> None:
    settings = Settings(
        backend_store_uri=f"sqlite:///{tmp_path}/absent.db", artifacts_destination=str(tmp_path / "a")
    )

    with pytest.raises(Exception, match=r"no database .*absent\.db"):
        invoke(settings)

    assert list(tmp_path.glob("absent*")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30d", 2_592_000_000), ("12h", 43_200_000), ("2d8h5m20s", 201_920_000), ("0s", 0), ("1.5m", 90_000)],
)
def test_ages_are_spelt_as_mlflow_spells_them(text: str, expected: int) -> None:
    assert age_ms(text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1d1d", "1w", "soon"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="no age"):
        age_ms(text)
