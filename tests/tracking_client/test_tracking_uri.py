"""What a tracking URI names, and which one is in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracking_client import get_tracking_uri, is_tracking_uri_set, set_tracking_uri
from tracking_client.errors import InvalidArgument
from tracking_client.tracking_uri import LocalStore, RemoteServer, parse


def test_a_server_keeps_its_path_and_loses_its_credentials() -> None:
    server = parse("https://me:p%40ss@example.invalid:8443/base/")
    assert server == RemoteServer(url="https://example.invalid:8443/base", username="me", password="p@ss")


@pytest.mark.parametrize(
    ("uri", "database"),
    [
        ("sqlite:////data/x.db", "/data/x.db"),
        ("sqlite:///x.db", "{cwd}/x.db"),
        ("/data/runs", "/data/runs/mlruns.db"),
        ("runs", "{cwd}/runs/mlruns.db"),
        (".", "{cwd}/mlruns.db"),
    ],
)
def test_a_file_or_a_directory_is_a_local_store(uri: str, database: str) -> None:
    expected = Path(database.format(cwd=Path.cwd()))
    store = parse(uri)
    assert store == LocalStore(database=expected, artifacts=expected.parent / "mlartifacts")
    assert parse(store.uri) == store


@pytest.mark.parametrize(
    "uri", ["ftp://x", "file:///x", "databricks://x", "postgresql://u:secret@h/db", "http://", "sqlite:///"]
)
def test_what_cannot_be_tracked_to_is_refused_without_showing_secrets(uri: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(uri)
    assert "secret" not in str(caught.value)


def test_the_default_store_is_that_of_the_directory_of_the_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = get_tracking_uri()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert first == get_tracking_uri() == f"sqlite:///{tmp_path}/mlruns.db"
    assert not is_tracking_uri_set()


def test_a_uri_that_was_set_is_also_that_of_children(tmp_path: Path) -> None:
    set_tracking_uri(tmp_path)
    assert os.environ["MLFLOW_TRACKING_URI"] == get_tracking_uri() == f"sqlite:///{tmp_path}/mlruns.db"
    set_tracking_uri("http://example.invalid")
    assert get_tracking_uri() == "http://example.invalid"
    assert is_tracking_uri_set()
    set_tracking_uri("")
    assert not is_tracking_uri_set()
