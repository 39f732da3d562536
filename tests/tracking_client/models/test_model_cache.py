"""A model is fetched once for a machine, and nothing is left of what was not asked for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tracking_client as tracking
from tests.tracking_client.models import samples
from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.flavours import model_cache
from tracking_client.flavours.model_cache import cache_folder

LOAD = """
import sys, tracking_client as tracking
model = tracking.sklearn.load_model(sys.argv[1])
print(model.intercept_, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _nothing_in_use(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(model_cache, "_held", {})
    yield
    _stop_using()


def _stop_using() -> None:
    """As if the process that loaded models had ended."""
    while model_cache._held:
        os.close(model_cache._held.popitem()[1])


@pytest.fixture
def uri(client: TrackingClient, monkeypatch: pytest.MonkeyPatch, experiment_id: str) -> str:
    """A model on the server."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    return tracking.sklearn.log_model(samples.fitted(), name="line").model_uri


def _entries() -> list[Path]:
    folder = cache_folder()
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def test_a_model_that_is_loaded_again_is_not_fetched_again(uri: str) -> None:
    tracking.sklearn.load_model(uri)
    (entry,) = _entries()
    before = (entry / "model.skops").stat()
    np.testing.assert_allclose(tracking.sklearn.load_model(uri).predict(samples.TABLE), samples.TARGET)
    assert _entries() == [entry]
    after = (entry / "model.skops").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not entry.joinpath("model.skops").stat().st_mode & 0o222


def test_a_version_a_name_in_a_run_and_the_logged_model_are_one_entry(client: TrackingClient) -> None:
    name = f"cached-{os.urandom(4).hex()}"
    with tracking.start_run() as run:
        info = tracking.sklearn.log_model(samples.fitted(), name="line", registered_model_name=name)
    for way in (info.model_uri, f"models:/{name}/1", f"runs:/{run.info.run_id}/line"):
        tracking.sklearn.load_model(way)
    assert len(_entries()) == 1


def test_a_model_whose_files_were_replaced_is_fetched_anew(client: TrackingClient, uri: str) -> None:
    tracking.sklearn.load_model(uri)
    other = samples.fitted()
    other.intercept_ = 99.0
    tracking.sklearn.log_model(other, model_id=uri.removeprefix("models:/"))
    assert tracking.sklearn.load_model(uri).intercept_ == 99.0
    assert len(_entries()) == 2


def test_an_entry_that_lost_a_file_is_made_again(uri: str) -> None:
    tracking.sklearn.load_model(uri)
    (entry,) = _entries()
    _stop_using()
    (entry / "model.skops").unlink()
    assert tracking.sklearn.load_model(uri).predict(samples.TABLE).shape == (3,)
    assert (entry / "model.skops").exists()


def test_the_least_recently_used_goes_where_there_is_no_room(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking.sklearn.load_model(uri)
    _stop_using()
    (first,) = _entries()
    size_bytes = sum(path.stat().st_size for path in first.rglob("*") if path.is_file())
    monkeypatch.setenv("RUNNER_MODEL_CACHE_BYTES", str(size_bytes + 100))
    other = tracking.sklearn.log_model(samples.fitted(), name="other").model_uri
    tracking.sklearn.load_model(other)
    (left,) = _entries()
    assert left != first
    assert [path.name for path in cache_folder().iterdir() if path.suffix == ".lock"] == [f"{left.name}.lock"]


def test_what_a_process_uses_is_not_removed(
    client: TrackingClient, uri: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripts.start_fed(LOAD, uri) as user:
        assert user.stdout is not None
        assert user.stdout.readline().strip()
        (first,) = _entries()
        monkeypatch.setenv("RUNNER_MODEL_CACHE_BYTES", "20000")
        for number in range(2):
            tracking.sklearn.load_model(
                tracking.sklearn.log_model(samples.fitted(), name=f"m{number}").model_uri
            )
        assert (first / "model.skops").exists()
        user.communicate("\n")


def test_processes_that_load_at_once_share_one_entry(uri: str, scripts: Scripts) -> None:
    users = [scripts.start_fed(LOAD, uri) for _ in range(4)]
    told = [user.communicate("\n") for user in users]
    assert [user.returncode for user in users] == [0] * 4, told
    assert len({out for out, _ in told}) == 1
    assert len(_entries()) == 1


def test_who_is_killed_while_fetching_leaves_no_half_entry(uri: str, scripts: Scripts) -> None:
    folder = cache_folder()
    killed = """
import os, signal, sys, tracking_client as tracking
from tracking_client.artifact_stores import transfers
whole = transfers.download
def half(root, path, into, **more):
    whole(root, path, into, **more)
    os.kill(os.getpid(), signal.SIGKILL)
transfers.download = half
tracking.sklearn.load_model(sys.argv[1])
"""
    assert scripts.run(killed, uri).returncode == -signal.SIGKILL
    assert [path.suffix for path in folder.iterdir() if path.is_dir()] == [".part"]
    assert tracking.sklearn.load_model(uri).predict(samples.TABLE).shape == (3,)
    assert [path.suffix for path in folder.iterdir() if path.is_dir()] == [""]


@pytest.mark.parametrize("reason", ["switched off", "no place"])
def test_without_a_cache_models_are_loaded_all_the_same(
    reason: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "switched off":
        monkeypatch.setenv("RUNNER_MODEL_CACHE_BYTES", "0")
    else:
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "file"))
    assert tracking.sklearn.load_model(uri).predict(samples.TABLE).shape == (3,)


def test_what_a_process_fetched_without_a_place_goes_with_it(
    client: TrackingClient, uri: str, scripts: Scripts, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    source = (
        "import os, sys, tracking_client as tracking\n"
        "path = tracking.artifacts.download_artifacts(sys.argv[1])\n"
        "print(os.path.exists(os.path.join(path, 'MLmodel')), path, flush=True)\n"
        "if sys.argv[2] == 'killed': os.kill(os.getpid(), 9)\n"
    )
    done = scripts.run(source, uri, "ends", TMPDIR=str(temporary))
    assert done.stdout.startswith(f"True {temporary}"), done.stderr
    assert list(temporary.iterdir()) == []
    killed = scripts.run(source, uri, "killed", TMPDIR=str(temporary))
    assert killed.stdout.startswith(f"True {temporary}"), killed.stderr
    assert len(list(temporary.iterdir())) == 1
    assert scripts.run(source, uri, "ends", TMPDIR=str(temporary)).returncode == 0
    assert list(temporary.iterdir()) == []


def test_what_was_asked_for_stays(uri: str, tmp_path: Path) -> None:
    tracking.sklearn.load_model(uri, dst_path=tmp_path / "here")
    assert (tmp_path / "here/MLmodel").exists()
    assert _entries() == []
