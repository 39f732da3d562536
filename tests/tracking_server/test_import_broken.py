"""Importing what is broken, old, strange or hostile: told by name, and everything else is carried."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.cli.main import cli
from tracking_server.errors import Unavailable
from tracking_server.importing import outbox
from tracking_server.importing.importer import Importer
from tracking_server.importing.opening import open_source
from tracking_server.importing.protocols import SourceError, TargetError
from tracking_server.importing.records import Problem
from tracking_server.importing.to_store import StoreTarget
from tracking_server.settings import Settings
from tracking_server.store import schema
from tracking_server.store.engine import Database

RUN = "0123456789abcdef0123456789abcdef"


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    """A directory as MLflow 1.x left it: one experiment with one run."""
    return old_directory(tmp_path / "mlruns")


def old_directory(root: Path) -> Path:
    """Make `root` a directory as MLflow 1.x left it."""
    write(
        root / "0" / "meta.yaml",
        "name: Default\nlifecycle_stage: active\nartifact_location: file:///gone/mlruns/0\n",
    )
    write(
        root / "0" / RUN / "meta.yaml",
        f"run_uuid: {RUN}\nname: ''\nstatus: 3\nstart_time: 1000\nend_time: 2000\nlifecycle_stage: active\n"
        f"user_id: me\nartifact_uri: file:///gone/mlruns/0/{RUN}/artifacts\n",
    )
    write(root / "0" / RUN / "metrics" / "loss", "1 0.5\n2 0.25\n")
    write(root / "0" / RUN / "params" / "p", "1")
    write(root / "0" / RUN / "artifacts" / "a.txt", "hello")
    return root


def carry(source: Path | str, settings: Settings, **options: Any) -> tuple[Importer, list[Problem]]:
    problems: list[Problem] = []
    opened = open_source(str(source), environ={}, proxied=options.pop("proxied", None))
    target = StoreTarget(settings)
    try:
        importer = Importer(opened, target, on_problem=problems.append, **options)
        importer.run()
    finally:
        target.close()
        opened.close()
    return importer, problems


def lost(problems: list[Problem]) -> list[str]:
    return [problem.kind for problem in problems if problem.lost]


def test_a_run_of_an_old_mlflow_in_a_directory_that_was_moved(
    mlruns: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    _, problems = carry(mlruns, settings)

    assert problems == []
    api = make_api(settings)
    run = api.whole_run(RUN)
    assert run["info"]["run_name"] == ""
    assert (run["info"]["start_time"], run["info"]["end_time"], run["info"]["status"]) == (
        1000,
        2000,
        "FINISHED",
    )
    assert run["data"]["params"] == [{"key": "p", "value": "1"}]
    assert run["data"].get("tags", []) == []
    points = api.get("metrics/get-history", run_id=RUN, metric_key="loss")["metrics"]
    assert [(point["timestamp"], point["value"], point["step"]) for point in points] == [
        (1, 0.5, 0),
        (2, 0.25, 0),
    ]
    reply = api.http.get("/get-artifact", params={"run_id": RUN, "path": "a.txt"})
    assert reply.content == b"hello"


def test_everything_broken_is_told_and_the_rest_is_carried(mlruns: Path, settings: Settings) -> None:
    home = mlruns / "0" / RUN
    write(home / "metrics" / "torn", "3 0.5 1\nnot a point\n4 0.25 2\n5 0.125 2")
    write(home / "metrics" / "bad\x07key", "1 1 1\n")
    write(home / "params" / "binary", b"\xff\xfe\x00")
    write(home / "tags" / ("k" * 251), "too long a key")
    write(home / "artifacts" / "with#hash", "x")
    write(mlruns / "1" / "meta.yaml", "name: [broken\n")
    write(mlruns / "2" / "meta.yaml", "just text")
    write(mlruns / "0" / ("f" * 32) / "meta.yaml", "status: {a: ]\n")
    write(mlruns / "0" / "traces" / "tr-1" / "trace_info.yaml", "{}")
    (mlruns / "0" / RUN / "artifacts" / "out").symlink_to("/etc/passwd")

    importer, problems = carry(mlruns, settings)

    assert sorted(lost(problems)) == sorted(
        ["metric", "metric", "value", "tag", "artifact", "experiment", "experiment", "run", "trace"]
    )
    told = "\n".join(f"{problem.what}: {problem.why}" for problem in problems)
    assert "torn, line 2" in told
    assert "1 traces of experiment 0" in told
    assert importer.carried["metric_points"] == 5
    assert importer.carried["files"] == 1


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "no experiments"), (tmp_path / "absent", "not a directory")):
        with pytest.raises(SourceError, match=reason):
            open_source(str(path), environ={}, proxied=None)
    write(tmp_path / "x.db", "")
    with pytest.raises(SourceError, match="sqlite:///"):
        open_source(str(tmp_path / "x.db"), environ={}, proxied=None)


def test_a_database_of_something_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    database = tmp_path / "other.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    before = database.read_bytes()

    with pytest.raises(SourceError, match="tables are missing"):
        open_source(f"sqlite:///{database}", environ={}, proxied=None)
    with pytest.raises(SourceError, match="no database file"):
        open_source(f"sqlite:///{tmp_path}/absent.db", environ={}, proxied=None)

    assert database.read_bytes() == before
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize(
    "uri", ["nosuch://x/y", "postgresql://u:hunter2@127.0.0.1:1/x", "http://127.0.0.1:1"]
)
def test_what_cannot_be_reached_is_an_error_without_secrets(uri: str) -> None:
    environ = {"RUNNER_HTTP_DEADLINE_S": "0.2"}
    with pytest.raises(SourceError) as caught:
        open_source(uri, environ=environ, proxied=None)
    assert "hunter2" not in str(caught.value)


def test_a_target_that_is_mlflows_own_database_is_refused(mlruns: Path, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE experiments (a)")
    connection.close()
    result = CliRunner().invoke(cli, ["import", str(mlruns), "--to", f"sqlite:///{database}"])
    assert "holds tables of something else" in str(result.exception)


def test_a_run_that_is_in_another_experiment_already_is_told(
    mlruns: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    api = make_api(settings)
    api.run(api.experiment("mine"), run_id=RUN, tags=[{"key": "whose", "value": "mine"}])

    _, problems = carry(mlruns, settings)

    assert lost(problems) == ["run"]
    run = api.whole_run(RUN)
    assert run["info"]["status"] == "RUNNING"
    assert run["data"].get("params", []) == []
    assert run["data"].get("metrics", []) == []


def test_a_parameter_that_has_another_value_here_stays_and_is_told(
    mlruns: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    carry(mlruns, settings)
    write(mlruns / "0" / RUN / "params" / "p", "2")

    assert carry(mlruns, settings)[1] == []
    _, problems = carry(mlruns, settings, again=True)

    assert lost(problems) == ["parameter"]
    assert make_api(settings).whole_run(RUN)["data"]["params"] == [{"key": "p", "value": "1"}]


def test_a_running_run_is_followed_up_by_the_next_import(
    mlruns: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    meta = mlruns / "0" / RUN / "meta.yaml"
    whole = meta.read_text()
    meta.write_text(whole.replace("status: 3", "status: 1").replace("end_time: 2000", "end_time: null"))
    carry(mlruns, settings)
    write(mlruns / "0" / RUN / "metrics" / "loss", "1 0.5\n2 0.25\n3 0.125\n")
    meta.write_text(whole)

    importer, _ = carry(mlruns, settings)

    assert importer.passed["runs"] == 0
    api = make_api(settings)
    assert api.whole_run(RUN)["info"]["status"] == "FINISHED"
    assert len(api.get("metrics/get-history", run_id=RUN, metric_key="loss")["metrics"]) == 3
    assert carry(mlruns, settings)[0].passed["runs"] == 1


def test_half_a_run_is_never_taken_for_a_whole_one(
    mlruns: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mlruns / "0" / RUN / "metrics" / "long", "".join(f"{n} {n} {n}\n" for n in range(5000)))
    monkeypatch.setattr(outbox, "MOST_POINTS", 1000)
    absorb = StoreTarget.absorb
    calls = 0

    def dies(target: StoreTarget, records: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise TargetError("gone")
        return absorb(target, records)

    with monkeypatch.context() as patch:
        patch.setattr(StoreTarget, "absorb", dies)
        with pytest.raises(TargetError):
            carry(mlruns, settings)
    database = Database(settings)
    database.open()
    half = database.read_now(lambda c: c.execute(schema.runs.select()).one())
    database.close()
    assert half.status == "SCHEDULED"

    importer, problems = carry(mlruns, settings)

    assert (importer.passed["runs"], problems) == (0, [])
    database = Database(settings)
    database.open()
    assert database.read_now(lambda c: len(c.execute(schema.metrics.select()).all())) == 5002
    database.close()


def test_memory_does_not_grow_with_a_run(
    mlruns: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mlruns / "0" / RUN / "metrics" / "long", "".join(f"{n} {n} {n}\n" for n in range(30_000)))
    most = 0
    absorb = StoreTarget.absorb

    def watched(target: StoreTarget, records: Any) -> Any:
        nonlocal most
        most = max(most, sum(len(getattr(record, "points", ())) for record in records))
        return absorb(target, records)

    monkeypatch.setattr(StoreTarget, "absorb", watched)
    carry(mlruns, settings)

    assert 0 < most <= outbox.MOST_POINTS + 2000


def test_an_upload_that_breaks_leaves_no_half_file_and_is_told(
    mlruns: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = StoreTarget.put

    class Torn:
        def __init__(self, body: Any) -> None:
            self.body = body
            self.reads = 0

        def read(self, size: int, /) -> bytes:
            self.reads += 1
            if self.reads > 1:
                raise OSError("the disk was pulled")
            return bytes(self.body.read(2))

    with monkeypatch.context() as patch:
        patch.setattr(StoreTarget, "put", lambda target, uri, path, body: put(target, uri, path, Torn(body)))
        _, problems = carry(mlruns, settings)
    assert lost(problems) == ["artifact"]
    assert [path for path in Path(settings.artifacts_destination).rglob("*") if path.is_file()] == []

    importer, problems = carry(mlruns, settings, again=True)
    assert (importer.carried["files"], problems) == (1, [])


def test_the_endpoint_refuses_what_is_no_record_and_stores_nothing_of_it(api: Any) -> None:
    begin = {"type": "experiment", "source_id": "7", "name": "x", "creation_time": 1}
    for records in (
        [{"type": "nonsense"}],
        [begin, {"type": "run-end", "experiment_id": "x", "info": {}}],
        "text",
        [begin, {"type": "run", "experiment_id": "99", "info": info()}],
        [begin, {"type": "model", "experiment_id": "7", "model": {"info": {"model_id": "m-1"}}}],
    ):
        reply = api.http.post("/api/2.0/runner/import", json={"records": records})
        assert reply.status_code in (400, 404), reply.text
    names = [found["name"] for found in api.post("experiments/search", max_results=10)["experiments"]]
    assert names == ["Default"]


def test_the_endpoint_takes_no_run_id_that_is_a_path(api: Any) -> None:
    for run_id in ("../../etc", "a/b", "gc:1", "", "x" * 300):
        record = {"type": "run", "experiment_id": "0", "info": info(run_id)}
        reply = api.http.post("/api/2.0/runner/import", json={"records": [record]})
        assert reply.status_code == 200, reply.text
        assert [problem["kind"] for problem in reply.json()["problems"]] == ["run"]
    assert api.search() == []


@pytest.mark.parametrize(
    "points", [[["m", "abc", 1, 1]], [["m", 1.0, 2**70, 1]], [["m", 1.0, 1, -(2**64)]], [["../m", 1.0, 1, 1]]]
)
def test_the_endpoint_takes_no_point_that_is_none(api: Any, points: Any) -> None:
    records = [
        {"type": "run", "experiment_id": "0", "info": info()},
        {"type": "points", "experiment_id": "0", "run_id": RUN, "points": points},
        {"type": "aliases", "name": "m", "aliases": [{"alias": "a", "version": "²"}]},
    ]
    reply = api.http.post("/api/2.0/runner/import", json={"records": records})
    assert reply.status_code == 400 or "points" in [problem["kind"] for problem in reply.json()["problems"]]
    assert reply.status_code < 500
    for run_id in api.search():
        assert api.whole_run(run_id)["data"].get("metrics", []) == []


@pytest.mark.parametrize(
    ("about", "record"),
    [
        ("id", {"type": "model", "model": {"info": {"model_id": "../m-1"}}}),
        ("status", {"type": "model", "model": {"info": {"status": "GOOD"}}}),
        (
            "name",
            {"type": "registered-model", "name": "a/b", "creation_timestamp": 1, "last_updated_timestamp": 1},
        ),
        ("location", {"type": "version", "source": "file:///models/../../etc"}),
        ("NUL", {"type": "experiment", "source_id": "5", "name": "a\0b", "creation_time": 1}),
        ("name", {"type": "experiment", "source_id": "5", "name": "n" * 501, "creation_time": 1}),
    ],
)
def test_the_endpoint_stores_nothing_that_has_no_proper_name(api: Any, about: str, record: Any) -> None:
    if record["type"] == "model":
        whole: dict[str, Any] = {
            "model_id": "m-1",
            "experiment_id": "0",
            "name": "m",
            "status": "LOGGED_MODEL_READY",
            "model_type": "",
        }
        whole |= {
            "creation_timestamp_ms": 1,
            "last_updated_timestamp_ms": 1,
            "artifact_uri": "",
            "source_run_id": "",
        }
        record = {**record, "experiment_id": "0", "model": {"info": whole | record["model"]["info"]}}
    if record["type"] == "version":
        version: dict[str, Any] = {
            "name": "m",
            "version": "1",
            "current_stage": "None",
            "run_id": "",
            "run_link": "",
            "status": "READY",
        }
        version |= {"creation_timestamp": 1, "last_updated_timestamp": 1, "source": record["source"]}
        record = {"type": "version", "version": version}
    reply = api.http.post("/api/2.0/runner/import", json={"records": [record]})
    (problem,) = reply.json()["problems"]
    assert about in problem["why"]
    assert "places" not in reply.json() or reply.json()["places"] == []


def info(run_id: str = RUN) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "run_id": run_id,
        "experiment_id": "0",
        "run_name": "n",
        "user_id": "u",
        "status": "FINISHED",
        "start_time": 1,
        "end_time": 2,
        "artifact_uri": "",
        "lifecycle_stage": "active",
    }


def test_a_kept_experiment_id_does_not_collide_with_the_next_one(
    mlruns: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    for number in (3, 1, 2):
        write(mlruns / str(number) / "meta.yaml", f"name: number {number}\ncreation_time: {number}\n")
    carry(mlruns, settings)

    api = make_api(settings)
    assert (
        api.get("experiments/get-by-name", experiment_name="number 3")["experiment"]["experiment_id"] == "3"
    )
    assert api.experiment("the next") == "4"


def test_the_command_says_what_was_done_and_what_not(mlruns: Path, settings: Settings) -> None:
    write(mlruns / "0" / RUN / "metrics" / "torn", "nonsense\n")
    to = ["--to", settings.backend_store_uri, "--artifacts-destination", settings.artifacts_destination]

    result = CliRunner().invoke(cli, ["import", str(mlruns), *to], standalone_mode=False)

    assert result.return_value == 5
    assert "not carried: metric" in result.stdout
    assert "imported 1 experiment, 1 run, 2 metric points, 1 file" in result.stderr
    (mlruns / "0" / RUN / "metrics" / "torn").unlink()
    result = CliRunner().invoke(cli, ["import", str(mlruns), *to, "--json"], standalone_mode=False)
    assert result.return_value == 0
    assert json.loads(result.stdout)["already_here"] == {"runs": 1, "files": 0}


def test_a_database_that_goes_away_is_an_error_that_says_to_go_on(
    mlruns: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_database: Database, _work: Any) -> Any:
        raise Unavailable("The database cannot take the request now.")

    monkeypatch.setattr(Database, "write_and_wait", fails)
    to = ["--to", settings.backend_store_uri, "--artifacts-destination", settings.artifacts_destination]

    result = CliRunner().invoke(cli, ["import", str(mlruns), *to], standalone_mode=False)

    assert "cannot take the request now" in str(result.exception)
    assert "goes on where it was" in str(getattr(result.exception, "hint", ""))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A directory of whoever imports, which is nobody's business."""
    private = tmp_path / "private"
    write(private / "key", "PRIVATE KEY")
    return private


def published(settings: Settings, api: Any) -> str:
    """Everything that an import brought, as text."""
    root = Path(settings.artifacts_destination)
    kept = [path.read_text() for path in root.rglob("*") if path.is_file()]
    runs = api.post("runs/search", experiment_ids=["0"], run_view_type="ALL")
    return json.dumps([kept, runs])


@pytest.mark.parametrize(
    "link", ["artifacts", "params", "params/p", "tags", "tags/t", "metrics", "metrics/m"]
)
def test_links_in_a_directory_publish_nothing_of_whoever_imports_it(
    mlruns: Path, private: Path, settings: Settings, make_api: Callable[[Settings], Any], link: str
) -> None:
    here = mlruns / "0" / RUN / link
    if here.is_dir():
        for file in here.iterdir():
            file.unlink()
        here.rmdir()
    here.unlink(missing_ok=True)
    here.parent.mkdir(exist_ok=True)
    here.symlink_to(private / "key" if "/" in link else private)

    _, problems = carry(mlruns, settings)

    assert len(lost(problems)) == 1, problems
    assert "PRIVATE" not in published(settings, make_api(settings))


@pytest.mark.parametrize("stated", ["{private}", "file://{private}", "file://{private}/../private"])
def test_a_stated_location_that_is_no_runs_publishes_nothing(
    mlruns: Path, private: Path, settings: Settings, make_api: Callable[[Settings], Any], stated: str
) -> None:
    (mlruns / "0" / RUN / "artifacts" / "a.txt").unlink()
    (mlruns / "0" / RUN / "artifacts").rmdir()
    uri = stated.format(private=private)
    write(mlruns / "0" / RUN / "meta.yaml", f"run_id: {RUN}\nstatus: 3\nstart_time: 1\nartifact_uri: {uri}\n")

    _, problems = carry(mlruns, settings)

    assert lost(problems) == ["artifacts"]
    assert "PRIVATE" not in published(settings, make_api(settings))


def test_a_stated_location_that_is_the_runs_own_is_copied(
    mlruns: Path, tmp_path: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    own = tmp_path / "disk" / "0" / RUN / "artifacts"
    own.parent.mkdir(parents=True)
    (mlruns / "0" / RUN / "artifacts").rename(own)
    write(mlruns / "0" / RUN / "meta.yaml", f"run_id: {RUN}\nstatus: 3\nstart_time: 1\nartifact_uri: {own}\n")

    _, problems = carry(mlruns, settings)

    assert problems == []
    assert "hello" in published(settings, make_api(settings))


def test_the_id_of_a_logged_model_is_no_path(
    mlruns: Path, tmp_path: Path, settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    write(tmp_path / "private" / "artifacts" / "key", "PRIVATE KEY")
    model_id = str(tmp_path / "private")
    write(mlruns / "0" / "models" / "m-1" / "meta.yaml", f"model_id: {model_id}\nname: m\nstatus: 2\n")

    _, problems = carry(mlruns, settings)

    assert lost(problems) == ["model"]
    assert "PRIVATE" not in published(settings, make_api(settings))


def test_a_document_that_grows_when_it_is_written_out_is_harmless(mlruns: Path, settings: Settings) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    bomb = "\n".join([*lines, "run_name: *a11", f"user_id: 0x{'f' * 20_000}", f"run_id: {RUN}", "status: 3"])
    write(mlruns / "0" / RUN / "meta.yaml", bomb)

    importer, problems = carry(mlruns, settings)

    assert problems == []
    assert importer.carried["runs"] == 1


def test_a_model_of_another_experiment_is_left_as_it_is(
    settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    api = make_api(settings)
    theirs = api.post("logged-models", experiment_id="0", name="theirs")["model"]
    mine = {**theirs, "info": {**theirs["info"], "name": "mine", "experiment_id": api.experiment("other")}}
    record = {"type": "model", "experiment_id": mine["info"]["experiment_id"], "model": mine}

    reply = api.post("../runner/import", records=[record])

    assert [problem["kind"] for problem in reply["problems"]] == ["model"]
    (found,) = api.post("logged-models/search", experiment_ids=["0"])["models"]
    assert found["info"]["name"] == "theirs"


def test_a_run_that_is_being_collected_cannot_be_named(
    settings: Settings, make_api: Callable[[Settings], Any]
) -> None:
    api = make_api(settings)
    run_id = api.run()
    info = {**api.whole_run(run_id)["info"], "run_id": "gc:1", "run_uuid": "gc:1"}

    reply = api.post(
        "../runner/import",
        records=[
            {"type": "run-end", "experiment_id": "0", "info": info},
            {"type": "points", "experiment_id": "0", "run_id": "gc:1", "points": []},
        ],
    )

    assert [problem["kind"] for problem in reply["problems"]] == ["run-end", "points"]


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "record",
    [
        {"type": "experiment", "source_id": DIGITS, "name": "e", "creation_time": 1},
        {"type": "experiment-end", "experiment_id": DIGITS, "last_update_time": 1, "deleted": False},
        {
            "type": "version",
            "version": {
                "name": "m",
                "version": DIGITS,
                "creation_timestamp": 1,
                "last_updated_timestamp": 1,
                "current_stage": "None",
                "source": "s",
                "run_id": "",
                "run_link": "",
                "status": "READY",
            },
        },
    ],
    ids=["experiment", "experiment-end", "version"],
)
def test_numbers_without_end_are_refused(
    settings: Settings, make_api: Callable[[Settings], Any], record: Any
) -> None:
    reply = make_api(settings).http.post("/api/2.0/runner/import", json={"records": [record]})

    assert reply.status_code in (200, 400), reply.text
