"""Artifacts by their URI: of runs, of models, behind the server, in directories and stores."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tracking_server.artifact_services import StoreService
from tracking_client import artifacts
from tracking_client.client import TrackingClient
from tracking_client.errors import ArtifactError, InvalidArgument, NotFound

pytestmark = pytest.mark.usefixtures("client")


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


@pytest.fixture
def model_id(client: TrackingClient, experiment_id: str, run_id: str, tmp_path: Path) -> str:
    """A logged model of the run, called `net`, with two files."""
    model = client.create_logged_model(experiment_id, name="net", source_run_id=run_id)
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}")
    (tmp_path / "model" / "deep" / "weights").write_text("1 2")
    client.log_model_artifacts(model.model_id, tmp_path / "model")
    client.finalize_logged_model(model.model_id, "READY")
    return model.model_id


def _names(directory: str | Path) -> list[str]:
    root = Path(directory)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_model_is_found_by_every_name_that_it_has(
    client: TrackingClient, run_id: str, model_id: str
) -> None:
    name = f"registered {uuid.uuid4().hex}"
    client.create_registered_model(name)
    client.create_model_version(name, f"models:/{model_id}", run_id=run_id, model_id=model_id)
    client.set_registered_model_alias(name, "best", 1)
    for uri in (
        f"models:/{model_id}",
        f"models:/{name}/1",
        f"models:/{name}/latest",
        f"models:/{name}@best",
        f"runs:/{run_id}/net",
    ):
        assert _names(artifacts.download_artifacts(uri)) == ["MLmodel", "deep/weights"], uri
        assert [item.path for item in artifacts.list_artifacts(f"{uri}/deep")] == ["deep/weights"]
        assert artifacts.load_text(f"{uri}/deep/weights") == "1 2"


def test_files_of_a_run_come_before_a_model_of_the_same_name(
    client: TrackingClient, run_id: str, model_id: str
) -> None:
    client.log_text(run_id, "the run's", "net/file")
    assert _names(artifacts.download_artifacts(f"runs:/{run_id}/net")) == ["file"]


def test_a_place_behind_the_server_and_a_directory(
    client: TrackingClient, run_id: str, tmp_path: Path
) -> None:
    client.log_text(run_id, "x", "a b/ü.txt")
    root = client.get_run(run_id).info.artifact_uri
    assert artifacts.load_text(f"{root}/a b/ü.txt") == "x"
    assert artifacts.load_text(f"{root}/a%20b/%C3%BC.txt") == "x"
    fetched = artifacts.download_artifacts(f"{root}/a b", dst_path=tmp_path / "new" / "place")
    assert fetched == str(tmp_path / "new" / "place" / "a b")
    assert artifacts.load_text(fetched + "/ü.txt") == "x"
    assert artifacts.load_text(f"file://{fetched.replace(' ', '%20')}/%C3%BC.txt") == "x"
    assert artifacts.download_artifacts(fetched) == fetched


def test_an_object_in_a_store(reached: Callable[[str], StoreService], tmp_path: Path) -> None:
    service = reached("s3")
    client = TrackingClient()
    name = uuid.uuid4().hex
    run_id = client.create_run(client.create_experiment(name, f"{service.root}/{name}")).info.run_id
    client.log_text(run_id, "x", "deep/file.txt")
    uri = client.get_run(run_id).info.artifact_uri
    assert artifacts.load_text(f"{uri}/deep/file.txt") == "x"
    assert artifacts.download_artifacts(f"{uri}/deep", dst_path=tmp_path) == str(tmp_path / "deep")
    assert [item.path for item in artifacts.list_artifacts(f"{uri}/deep")] == ["deep/file.txt"]


def test_the_server_may_be_another_than_the_one_in_force(
    client: TrackingClient, run_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client.log_text(run_id, "x", "file")
    there = client.tracking_uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere.db")
    found = artifacts.download_artifacts(run_id=run_id, artifact_path="file", tracking_uri=there)
    assert Path(found).read_text() == "x"
    assert [item.path for item in artifacts.list_artifacts(run_id=run_id, tracking_uri=there)] == ["file"]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"run_id": "r", "artifact_uri": "runs:/r/x"},
        {"artifact_path": "x"},
        {"artifact_uri": "runs:/"},
        {"artifact_uri": "models:/"},
        {"artifact_uri": "models:/name"},
        {"artifact_uri": "runs:/r/../../x"},
        {"artifact_uri": "/tmp", "artifact_path": "x"},
        {"artifact_uri": "models:/name/1/../../x"},
    ],
)
def test_what_names_nothing_is_refused(arguments: dict[str, str]) -> None:
    with pytest.raises((InvalidArgument, NotFound)):
        artifacts.download_artifacts(**arguments)


def test_what_is_not_there_is_not_found(run_id: str, tmp_path: Path) -> None:
    for uri in (
        f"runs:/{run_id}/nowhere",
        "runs:/nosuchrun/x",
        f"models:/m-{'0' * 32}",
        str(tmp_path / "no"),
    ):
        with pytest.raises(NotFound):
            artifacts.download_artifacts(uri)
    with pytest.raises(ArtifactError, match="ftp://host/dir"):
        artifacts.download_artifacts("ftp://host/dir/file")


def test_content_of_another_kind_is_told(client: TrackingClient, run_id: str) -> None:
    client.log_bytes(run_id, b"\xff\xfe", "bytes")
    for load in (artifacts.load_text, artifacts.load_dict, artifacts.load_image):
        with pytest.raises(InvalidArgument, match="Unable to form"):
            load(f"runs:/{run_id}/bytes")
    assert [path for path in os.listdir(os.environ["HOME"]) if path.startswith("artifact")] == []
