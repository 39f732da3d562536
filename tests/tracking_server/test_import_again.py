"""Importing again: what failed is tried again, what is new is added, and what is here stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.tracking_server.conftest import Api
from tests.tracking_server.test_import_broken import RUN, carry, lost, old_directory, write
from tracking_server.importing.absorb_runs import INCOMPLETE
from tracking_server.importing.records import Problem
from tracking_server.importing.to_store import StoreTarget
from tracking_server.settings import Settings
from tracking_server.store.registry.schema import model_versions

OTHER_RUN = "f" * 32
MODEL = "m-0123456789abcdef0123456789abcdef"

MakeApi = Callable[[Settings], Api]


@pytest.fixture
def mlruns(tmp_path: Path) -> Path:
    """A directory of MLflow: an experiment with a run, a logged model, and a version registered from each."""
    root = old_directory(tmp_path / "mlruns")
    write(
        root / "7" / "meta.yaml",
        "name: mine\nlifecycle_stage: active\ncreation_time: 1000\nlast_update_time: 2000\n",
    )
    write(root / "7" / "tags" / "team", "blue")
    write(
        root / "0" / "models" / MODEL / "meta.yaml",
        f"model_id: {MODEL}\nname: net\nstatus: 2\ncreation_timestamp: 10\nlast_updated_timestamp: 20\n"
        f"source_run_id: {RUN}\nartifact_location: file:///gone/mlruns/0/models/{MODEL}/artifacts\n",
    )
    write(root / "0" / "models" / MODEL / "metrics" / "loss", f"1 0.5 1 {RUN}\n2 0.25 2 {RUN}\n")
    write(root / "0" / "models" / MODEL / "tags" / "kind", "cnn")
    write(root / "0" / "models" / MODEL / "artifacts" / "net.bin", "weights")
    write(root / "0" / RUN / "tags" / "note", "theirs")
    registered = root / "models" / "churn"
    write(registered / "meta.yaml", "name: churn\ncreation_timestamp: 100\ndescription: theirs\n")
    write(registered / "tags" / "owner", "them")
    write(registered / "aliases" / "best", "1")
    for number in (1, 2):
        write(
            registered / f"version-{number}" / "meta.yaml",
            f"name: churn\nversion: {number}\ncreation_timestamp: {number}\ncurrent_stage: Staging\n"
            f"description: theirs\nsource: file:///gone/mlruns/0/{RUN}/artifacts/deep\nrun_id: {RUN}\n",
        )
    return root


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def notes(problems: list[Problem]) -> list[str]:
    """What was told of things that are otherwise here; nothing may be lost."""
    assert lost(problems) == []
    return sorted(problem.kind for problem in problems)


def artifact(api: Api, path: str, run_id: str = RUN) -> str:
    reply = api.http.get("/get-artifact", params={"run_id": run_id, "path": path})
    assert reply.status_code == 200, reply.text
    return reply.text


def registered_file(api: Api, version: str, path: str) -> str:
    asked = {"name": "churn", "version": version, "path": path}
    reply = api.http.get("/model-versions/get-artifact", params=asked)
    assert reply.status_code == 200, reply.text
    return reply.text


def tags_of(run: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])}


def kept(settings: Settings, name: str) -> list[Path]:
    return [path for path in Path(settings.artifacts_destination).rglob(name) if path.is_file()]


def test_a_file_that_could_not_be_copied_is_tried_again_by_the_next_import(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    write(mlruns / "0" / RUN / "artifacts" / "sub" / "w.bin", "w")
    blocks = Path(settings.artifacts_destination) / "0" / RUN / "artifacts" / "sub"
    write(blocks, "a file where a directory must be")

    _, problems = carry(mlruns, settings)
    assert lost(problems) == ["artifact"]
    assert lost(carry(mlruns, settings)[1]) == ["artifact"]
    half = make_api(settings).whole_run(RUN)
    assert half["info"]["status"] == "FINISHED"
    assert INCOMPLETE in tags_of(half)

    blocks.unlink()
    importer, problems = carry(mlruns, settings)

    assert problems == []
    assert (importer.carried["files"], importer.passed["files"]) == (1, 2)
    api = make_api(settings)
    assert artifact(api, "sub/w.bin") == "w"
    assert INCOMPLETE not in tags_of(api.whole_run(RUN))
    assert carry(mlruns, settings)[0].passed["runs"] == 1


def test_a_deleted_run_too_gets_its_files_by_the_next_import(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    edit(mlruns / "0" / RUN / "meta.yaml", "lifecycle_stage: active", "lifecycle_stage: deleted")
    blocks = Path(settings.artifacts_destination) / "0" / RUN / "artifacts" / "a.txt"
    blocks.mkdir(parents=True)

    assert lost(carry(mlruns, settings)[1]) == ["artifact"]
    blocks.rmdir()
    assert carry(mlruns, settings)[1] == []

    assert blocks.read_text() == "hello"
    run = make_api(settings).whole_run(RUN)
    assert run["info"]["lifecycle_stage"] == "deleted"
    assert INCOMPLETE not in tags_of(run)


def test_artifacts_that_nobody_could_reach_come_with_the_next_import(
    mlruns: Path, tmp_path: Path, settings: Settings, make_api: MakeApi
) -> None:
    served = tmp_path / "served" / "0" / RUN / "artifacts"
    served.parent.mkdir(parents=True)
    (mlruns / "0" / RUN / "artifacts").rename(served)
    meta = mlruns / "0" / RUN / "meta.yaml"
    edit(meta, f"file:///gone/mlruns/0/{RUN}/artifacts", f"mlflow-artifacts:/0/{RUN}/artifacts")

    assert lost(carry(mlruns, settings)[1]) == ["artifacts"]
    _, problems = carry(mlruns, settings, proxied=tmp_path / "served")

    assert problems == []
    assert artifact(make_api(settings), "a.txt") == "hello"


def test_a_file_of_a_run_that_was_running_is_copied_again_though_its_size_is_the_same(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    meta, checkpoint = mlruns / "0" / RUN / "meta.yaml", mlruns / "0" / RUN / "artifacts" / "a.txt"
    whole = meta.read_text()
    meta.write_text(whole.replace("status: 3", "status: 1").replace("end_time: 2000", "end_time: null"))
    carry(mlruns, settings)
    checkpoint.write_text("HELLO")
    meta.write_text(whole)

    carry(mlruns, settings)

    assert artifact(make_api(settings), "a.txt") == "HELLO"


def test_a_file_of_a_logged_model_that_was_pending_is_copied_again(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    home = mlruns / "0" / "models" / MODEL
    edit(home / "meta.yaml", "status: 2", "status: 1")
    carry(mlruns, settings)
    edit(home / "meta.yaml", "status: 1", "status: 2")
    edit(home / "meta.yaml", "last_updated_timestamp: 20", "last_updated_timestamp: 30")
    (home / "artifacts" / "net.bin").write_text("WEIGHTS")

    carry(mlruns, settings)

    (copy,) = kept(settings, "net.bin")
    assert copy.read_text() == "WEIGHTS"
    info = make_api(settings).get(f"logged-models/{MODEL}")["model"]["info"]
    assert info["status"] == "LOGGED_MODEL_READY"
    assert int(info["last_updated_timestamp_ms"]) == 30


def test_again_copies_all_files_anew(mlruns: Path, settings: Settings, make_api: MakeApi) -> None:
    carry(mlruns, settings)
    (mlruns / "0" / RUN / "artifacts" / "a.txt").write_text("HELLO")
    (mlruns / "0" / "models" / MODEL / "artifacts" / "net.bin").write_text("WEIGHTS")

    assert carry(mlruns, settings)[0].carried["files"] == 0
    carry(mlruns, settings, again=True)

    assert artifact(make_api(settings), "a.txt") == "HELLO"
    assert kept(settings, "net.bin")[0].read_text() == "WEIGHTS"


def test_an_import_that_is_killed_among_the_files_of_a_run_goes_on_where_it_was(
    mlruns: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(mlruns / "0" / RUN / "artifacts" / f"b{number}", "many bytes")
    put = StoreTarget.put

    def dies(target: StoreTarget, uri: str, path: str, body: Any) -> None:
        if path == "b3":
            raise KeyboardInterrupt
        put(target, uri, path, body)

    with monkeypatch.context() as patch:
        patch.setattr(StoreTarget, "put", dies)
        with pytest.raises(KeyboardInterrupt):
            carry(mlruns, settings)
    importer, problems = carry(mlruns, settings)

    assert problems == []
    # Of the run a.txt, b0, b1 and b2 were there; b3 and b4 are new, as is the model's.
    assert (importer.passed["files"], importer.carried["files"]) == (4, 3)


def test_without_artifacts_and_then_with_them_everything_can_be_reached(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    write(mlruns / "0" / RUN / "artifacts" / "deep" / "w.bin", "w")
    meta = mlruns / "models" / "churn" / "version-2" / "meta.yaml"
    edit(meta, f"file:///gone/mlruns/0/{RUN}/artifacts/deep", f"runs:/{RUN}/net")
    carry(mlruns, settings, artifacts=False)
    assert make_api(settings).whole_run(RUN)["info"]["artifact_uri"].startswith("file:///gone")

    importer, problems = carry(mlruns, settings, again=True)

    assert problems == []
    assert importer.carried["files"] == 3
    api = make_api(settings)
    assert artifact(api, "a.txt") == "hello"
    files = f"logged-models/{MODEL}/artifacts/directories"
    assert [file["path"] for file in api.get(files)["files"]] == ["net.bin"]
    assert registered_file(api, "1", "w.bin") == "w"
    assert registered_file(api, "2", "net.bin") == "weights"


def test_with_artifacts_and_then_without_them_nothing_leads_back_to_the_source(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    carry(mlruns, settings, again=True, artifacts=False)

    assert artifact(make_api(settings), "a.txt") == "hello"


def test_an_active_experiment_stays_active_and_as_old_as_it_is_though_it_is_deleted_at_the_source(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    api = make_api(settings)
    mine = api.experiment("mine", tags=[{"key": "team", "value": "red"}])
    run_id = api.run(mine)
    before = api.get("experiments/get", experiment_id=mine)
    edit(mlruns / "7" / "meta.yaml", "lifecycle_stage: active", "lifecycle_stage: deleted")

    _, problems = carry(mlruns, settings)

    assert notes(problems) == ["experiment", "tag"]
    api = make_api(settings)
    assert api.get("experiments/get", experiment_id=mine) == before
    assert api.search(experiment_ids=[mine]) == [run_id]


def test_an_experiment_has_the_state_and_the_times_of_the_import_that_made_it(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    experiment = make_api(settings).get("experiments/get", experiment_id="7")["experiment"]
    times = int(experiment["creation_time"]), int(experiment["last_update_time"])
    assert (experiment["lifecycle_stage"], times) == ("active", (1000, 2000))
    edit(mlruns / "7" / "meta.yaml", "lifecycle_stage: active", "lifecycle_stage: deleted")

    assert notes(carry(mlruns, settings)[1]) == ["experiment"]

    assert make_api(settings).get("experiments/get", experiment_id="7")["experiment"] == experiment


def test_an_experiment_that_was_deleted_here_stays_so_and_takes_new_runs_along(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    write(
        mlruns / "7" / OTHER_RUN / "meta.yaml", f"run_id: {OTHER_RUN}\nstatus: 3\nstart_time: 1\nend_time: 2"
    )
    carry(mlruns, settings)
    make_api(settings).post("experiments/delete", experiment_id="7")
    new = "e" * 32
    write(mlruns / "7" / new / "meta.yaml", f"run_id: {new}\nstatus: 3\nstart_time: 1\nend_time: 2\n")
    write(mlruns / "7" / new / "params" / "p", "1")

    importer, problems = carry(mlruns, settings)

    assert notes(problems) == ["experiment"]
    assert importer.carried["runs"] == 1
    api = make_api(settings)
    assert api.get("experiments/get", experiment_id="7")["experiment"]["lifecycle_stage"] == "deleted"
    assert api.search(experiment_ids=["7"]) == []
    api.post("experiments/restore", experiment_id="7")
    assert sorted(api.search(experiment_ids=["7"])) == sorted([new, OTHER_RUN])
    assert api.whole_run(new)["data"]["params"] == [{"key": "p", "value": "1"}]


def test_a_run_that_was_deleted_here_stays_deleted(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    make_api(settings).post("runs/delete", run_id=RUN)
    write(mlruns / "0" / RUN / "params" / "new", "1")

    for again in (False, True):
        importer, problems = carry(mlruns, settings, again=again)
        assert notes(problems) == ["run"]
        assert importer.passed["runs"] == 1

    run = make_api(settings).whole_run(RUN)
    assert run["info"]["lifecycle_stage"] == "deleted"
    assert [param["key"] for param in run["data"]["params"]] == ["p"]


def test_a_run_that_is_deleted_at_the_source_stays_here(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    edit(mlruns / "0" / RUN / "meta.yaml", "lifecycle_stage: active", "lifecycle_stage: deleted")

    for again in (False, True):
        assert notes(carry(mlruns, settings, again=again)[1]) == ["run"]

    assert make_api(settings).search() == [RUN]


def test_tags_that_were_changed_here_stay_and_new_ones_are_added(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    api = make_api(settings)
    api.post("runs/set-tag", run_id=RUN, key="note", value="ours")
    api.post("runs/update", run_id=RUN, status="FAILED")
    write(mlruns / "0" / RUN / "tags" / "new", "1")
    write(mlruns / "0" / RUN / "metrics" / "loss", "1 0.5\n2 0.25\n3 0.125\n")

    assert notes(carry(mlruns, settings)[1]) == ["run"]
    _, problems = carry(mlruns, settings, again=True)

    assert notes(problems) == ["run", "tag"]
    run = make_api(settings).whole_run(RUN)
    tags = tags_of(run)
    assert (tags["note"], tags["new"], run["info"]["status"]) == ("ours", "1", "FAILED")
    assert run["data"]["metrics"][0]["value"] == 0.125


def test_a_run_that_was_taken_up_again_at_the_source_goes_on_here(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    meta = mlruns / "0" / RUN / "meta.yaml"
    edit(meta, "status: 3", "status: 1")
    write(mlruns / "0" / RUN / "params" / "more", "1")
    assert notes(carry(mlruns, settings)[1]) == ["run"]  # it is RUNNING there
    assert make_api(settings).whole_run(RUN)["info"]["status"] == "FINISHED"

    edit(meta, "status: 1", "status: 4")
    edit(meta, "end_time: 2000", "end_time: 3000")
    assert carry(mlruns, settings)[1] == []

    run = make_api(settings).whole_run(RUN)
    assert (run["info"]["status"], run["info"]["end_time"]) == ("FAILED", 3000)
    assert {param["key"] for param in run["data"]["params"]} == {"p", "more"}


def test_a_logged_model_that_is_done_here_stays_as_it_is_and_gets_what_is_new(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    api = make_api(settings)
    api.http.patch(
        f"/api/2.0/mlflow/logged-models/{MODEL}/tags", json={"tags": [{"key": "kind", "value": "ours"}]}
    )
    home = mlruns / "0" / "models" / MODEL
    write(home / "tags" / "new", "1")
    write(home / "metrics" / "loss", f"1 0.5 1 {RUN}\n2 0.25 2 {RUN}\n3 0.125 3 {RUN}\n")
    edit(home / "meta.yaml", "status: 2", "status: 3")

    _, problems = carry(mlruns, settings)

    assert notes(problems) == ["model", "tag"]
    model = make_api(settings).get(f"logged-models/{MODEL}")["model"]
    assert {tag["key"]: tag["value"] for tag in model["info"]["tags"]} == {"kind": "ours", "new": "1"}
    assert model["info"]["status"] == "LOGGED_MODEL_READY"
    assert 0.125 in [metric["value"] for metric in model["data"]["metrics"]]


def test_a_logged_model_that_was_deleted_here_stays_deleted(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    make_api(settings).http.delete(f"/api/2.0/mlflow/logged-models/{MODEL}")

    assert notes(carry(mlruns, settings)[1]) == ["model"]

    found = make_api(settings).post("logged-models/search", experiment_ids=["0"])
    assert found.get("models", []) == []


def test_what_was_changed_here_in_the_registry_stays(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    api = make_api(settings)
    api.post("model-versions/transition-stage", name="churn", version="1", stage="Production")
    api.post("registered-models/set-tag", name="churn", key="owner", value="us")
    api.post("registered-models/alias", name="churn", alias="best", version="2")
    for path, body in (
        ("registered-models/update", {"name": "churn", "description": "ours"}),
        ("model-versions/update", {"name": "churn", "version": "1", "description": "ours"}),
    ):
        assert api.http.patch(f"/api/2.0/mlflow/{path}", json=body).status_code == 200
    write(mlruns / "models" / "churn" / "tags" / "new", "1")
    write(mlruns / "models" / "churn" / "version-1" / "tags" / "new", "1")

    _, problems = carry(mlruns, settings)

    assert notes(problems) == ["alias", "model version", "model version", "registered model", "tag"]
    api = make_api(settings)
    version = api.get("model-versions/get", name="churn", version="1")["model_version"]
    assert (version["current_stage"], version["description"]) == ("Production", "ours")
    assert version["tags"] == [{"key": "new", "value": "1"}]
    model = api.get("registered-models/get", name="churn")["registered_model"]
    assert model["description"] == "ours"
    assert {tag["key"]: tag["value"] for tag in model["tags"]} == {"owner": "us", "new": "1"}
    assert [(alias["alias"], alias["version"]) for alias in model["aliases"]] == [("best", "2")]


def test_a_version_that_was_deleted_here_stays_deleted_and_a_new_one_comes(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    carry(mlruns, settings)
    api = make_api(settings)
    body = {"name": "churn", "version": "1"}
    assert api.http.request("DELETE", "/api/2.0/mlflow/model-versions/delete", json=body).status_code == 200
    write(
        mlruns / "models" / "churn" / "version-3" / "meta.yaml",
        "name: churn\nversion: 3\ncreation_timestamp: 3\nsource: s3://bucket/model\n",
    )

    _, problems = carry(mlruns, settings)

    assert notes(problems) == ["alias", "model version"]
    found = make_api(settings).get("model-versions/search", filter="name = 'churn'")["model_versions"]
    assert sorted(version["version"] for version in found) == ["2", "3"]


def test_a_version_that_nobody_says_the_run_of_keeps_the_run_whose_files_it_has(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    versions = mlruns / "models" / "churn"
    edit(versions / "version-1" / "meta.yaml", f"run_id: {RUN}", "run_id: ''")
    source = f"file:///gone/mlruns/0/{RUN}/artifacts/deep"
    edit(versions / "version-2" / "meta.yaml", source, f"/gone/mlruns/0/models/{MODEL}/artifacts")

    assert carry(mlruns, settings)[1] == []

    api = make_api(settings)
    first = api.get("model-versions/get", name="churn", version="1")["model_version"]
    assert first["run_id"] == RUN
    statement = select(model_versions.c.model_uuid).where(model_versions.c.version == 2)
    database = api.application.database
    assert database.read_now(lambda connection: connection.execute(statement).scalar()) == MODEL


def test_a_version_whose_files_are_a_run_uri_leads_to_where_they_are_now(
    mlruns: Path, settings: Settings, make_api: MakeApi
) -> None:
    write(mlruns / "0" / RUN / "artifacts" / "deep" / "w.bin", "of the run")
    source = f"file:///gone/mlruns/0/{RUN}/artifacts/deep"
    versions = mlruns / "models" / "churn"
    edit(versions / "version-1" / "meta.yaml", source, f"runs:/{RUN}/deep")
    edit(versions / "version-2" / "meta.yaml", source, f"runs:/{RUN}/net")

    assert carry(mlruns, settings)[1] == []

    api = make_api(settings)
    assert registered_file(api, "1", "w.bin") == "of the run"
    assert registered_file(api, "2", "net.bin") == "weights"
    source = api.get("model-versions/get", name="churn", version="1")["model_version"]["source"]
    assert source == f"runs:/{RUN}/deep"


@pytest.mark.parametrize("location", [f"runs:/{OTHER_RUN}/x", f"runs:/{RUN}/%252e%252e", "runs:/"])
def test_a_run_uri_that_leads_nowhere_is_told(
    mlruns: Path, settings: Settings, make_api: MakeApi, location: str
) -> None:
    source = f"file:///gone/mlruns/0/{RUN}/artifacts/deep"
    edit(mlruns / "models" / "churn" / "version-1" / "meta.yaml", source, location)

    assert len(lost(carry(mlruns, settings)[1])) >= 1
