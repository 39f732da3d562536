"""Where a server may keep artifacts, what it refuses to start with, and what it loads for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tracking_server.artifacts import locations
from tracking_server.artifacts.locations import Location
from tracking_server.artifacts.places import Places
from tracking_server.errors import InvalidParameter, NotSupported, StartRefused

AZURE = "account.blob.core.windows.net"


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("/data/x", Location(kind="local", root="/data/x")),
        ("file:///data/a%20b", Location(kind="local", root="/data/a b")),
        ("s3://bucket", Location(kind="s3", root="bucket")),
        ("s3://bucket/a//b/", Location(kind="s3", root="bucket", path="a/b")),
        ("gs://bucket/a b%20", Location(kind="gcs", root="bucket", path="a b%20")),
        (f"wasbs://box@{AZURE}/p", Location(kind="azure", root="box", host=AZURE, path="p")),
        (
            "abfss://box@account.dfs.core.windows.net/p",
            Location(kind="azure", root="box", host=AZURE, path="p"),
        ),
        (
            "abfss://box@account.dfs.core.chinacloudapi.cn",
            Location(kind="azure", root="box", host="account.blob.core.chinacloudapi.cn"),
        ),
        ("hdfs://host/x", None),
        ("dbfs:/x", None),
        ("https://host/x", None),
        ("file://host/x", None),
    ],
)
def test_uris(uri: str, location: Location | None) -> None:
    assert locations.parse(uri) == location


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:very-secret@bucket/x",
        "s3://bucket:9000/x",
        "s3://bucket/x?versionId=very-secret",
        "s3:///x",
        "s3://",
        "gs://b/x#very-secret",
        "wasbs://account.blob.core.windows.net/x",
        "wasbs://box@evil.example/x",
        "wasbs://box@account.blob.core.windows.net:1/x",
        "abfss://box:very-secret@account.dfs.core.windows.net/x",
        "s3://[",
    ],
)
def test_malformed_uris_are_refused_at_the_start_and_not_repeated(with_settings: Any, uri: str) -> None:
    for given in ({"artifacts_destination": uri}, {"default_artifact_root": uri}):
        with pytest.raises(StartRefused) as refused:
            Places(with_settings(**given))
        assert "is malformed" in str(refused.value)
        assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("uri", ["hdfs://host/x", "http://host/x", "ftp://host/x"])
def test_stores_that_there_are_not_are_refused_as_destinations(run_to_end: Any, uri: str) -> None:
    ended = run_to_end(f"--artifacts-destination={uri}")

    assert ended.returncode == 2
    assert "there is no store for this scheme" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("uri", "library"),
    [
        ("s3://bucket/x", "s3fs"),
        ("gs://bucket/x", "gcsfs"),
        (f"wasbs://box@{AZURE}/x", "adlfs"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    with_settings: Any, monkeypatch: pytest.MonkeyPatch, uri: str, library: str
) -> None:
    monkeypatch.setattr(locations, "find_spec", lambda name: None if name == library else object())

    with pytest.raises(StartRefused, match=f"{library} is not installed.*pip install {library}"):
        Places(with_settings(artifacts_destination=uri))
    # Clients write there by themselves: only what the server is asked to read needs the library.
    places = Places(with_settings(default_artifact_root=uri))
    with pytest.raises(NotSupported, match=f"pip install {library}"):
        places.of(f"{uri}/1/run/artifacts")


def test_a_connection_string_of_another_account_is_refused(
    with_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=very-secret")

    with pytest.raises(StartRefused, match="is for account 'other', and not for 'account'") as refused:
        Places(with_settings(artifacts_destination=f"wasbs://box@{AZURE}/x"))
    assert "very-secret" not in str(refused.value)


def test_only_what_is_below_the_root_is_opened(with_settings: Any) -> None:
    places = Places(with_settings(default_artifact_root=f"wasbs://box@{AZURE}/in/side"))

    assert places.of(f"wasbs://box@{AZURE}/in/side/1/run/artifacts").prefix == "1/run/artifacts"
    assert places.of("abfss://box@account.dfs.core.windows.net/in//side/1").prefix == "1"
    for elsewhere in (
        f"wasbs://box@{AZURE}/in/sideways",
        f"wasbs://box@{AZURE}/in",
        f"wasbs://other@{AZURE}/in/side/1",
        "wasbs://box@other.blob.core.windows.net/in/side/1",
        f"wasbs://box@{AZURE}/in/side/../other",
        f"wasbs://box@{AZURE}/in/side/%2e%2e/other",
        "s3://box/in/side/1",
        "s3://[",
        "/in/side/1",
    ):
        with pytest.raises(InvalidParameter):
            places.of(elsewhere)


def test_without_the_proxy_new_experiments_are_at_the_destination(with_settings: Any) -> None:
    settings = with_settings(serve_artifacts=False, artifacts_destination="s3://bucket/x/")

    assert settings.experiment_root == "s3://bucket/x"
    assert Places(settings).of("s3://bucket/x/1").prefix == "1"


LOADED = """
import sys
from tracking_server.artifacts.places import Places
from tracking_server.settings import Settings
from tracking_server import app
settings = Settings(backend_store_uri="sqlite:///x.db", artifacts_destination=sys.argv[1])
app.build(settings)
heavy = {"fsspec", "s3fs", "gcsfs", "adlfs", "aiohttp", "botocore", "azure", "google", "requests"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    "destination", ["artifacts", "s3://bucket/x", "gs://bucket/x", f"wasbs://box@{AZURE}/x"]
)
def test_starting_loads_no_stores_library(tmp_path: Path, destination: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, destination],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr
