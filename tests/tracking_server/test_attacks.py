"""Attacks that have worked on tracking servers; each must fail here."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tracking_server.artifacts.paths import location_problem, safe_path
from tracking_server.errors import InvalidParameter

PROXY = "/api/2.0/mlflow-artifacts/artifacts"

PATHS = [
    "../secret",
    "a/../../secret",
    "..",
    "/etc/passwd",
    "//etc/passwd",
    "..\\secret",
    "a\\..\\..\\secret",
    "C:/Windows/win.ini",
    "c:/x",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "%2e%2e/secret",
    "%252e%252e%252fsecret",
    "%25252e%25252e/secret",
    "a/%2e%2e/%2e%2e/secret",
    "%2fetc/passwd",
    "a?/../../secret",
    "a#/../../secret",
    "a%23b",
    "x;/../../secret",
    "a\x00b",
    "a%00b",
    "a\nb",
    "x" * 5000,
    "%" + "25" * 20 + "2e",
]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the artifacts, where a traversal would land."""
    path = tmp_path / "secret"
    path.write_text("top secret")
    return path


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_the_artifacts(api: Any, secret: Path, path: str) -> None:
    run_id = api.run()
    escaped = quote(path, safe="")
    attempts = [
        api.http.get(f"{PROXY}/{escaped}"),
        api.http.put(f"{PROXY}/{escaped}", content=b"overwritten"),
        api.http.delete(f"{PROXY}/{escaped}"),
        api.http.get(PROXY, params={"path": path}),
        api.http.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run_id, "path": path}),
        api.http.get("/get-artifact", params={"run_id": run_id, "path": path}),
        api.http.post(
            "/ajax-api/2.0/mlflow/upload-artifact",
            params={"run_uuid": run_id, "path": path},
            content=b"overwritten",
        ),
    ]

    for reply in attempts:
        assert reply.status_code in (400, 404), reply.request.url
        assert "top secret" not in reply.text
    assert secret.read_text() == "top secret"


@pytest.mark.parametrize("path", PATHS)
def test_bad_paths_are_refused_by_the_rule_itself(path: str) -> None:
    with pytest.raises(InvalidParameter):
        safe_path(path)


@pytest.mark.parametrize("path", ["a/b.txt", "epoch:1.png", "ä ö", "100%", "a..b/...c", "a//b/./c", ""])
def test_honest_paths_pass(path: str) -> None:
    assert safe_path(path) == "/".join(part for part in path.split("/") if part not in ("", "."))


@pytest.mark.parametrize(
    "location",
    [
        "http:///?/../../etc/",
        "http:///#/../../etc/",
        "http://host/;/../../etc/",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/%2e%2e/%2e%2e/etc",
        "mlflow-artifacts:/a?x",
        "file:///data/../etc",
        "../../etc",
        "s3://bucket\\..\\x",
        "a\x00b",
    ],
)
def test_artifact_locations_that_mean_something_else_are_refused(api: Any, location: str) -> None:
    assert location_problem(location) is not None
    assert api.refused("POST", "experiments/create", name="x", artifact_location=location)[0] == 400


@pytest.mark.parametrize("location", ["s3://bucket/x", "gs://b/x y", "/data/runs", "file:///data", "dbfs:/x"])
def test_honest_locations_pass(location: str) -> None:
    assert location_problem(location) is None


def test_links_out_of_the_artifacts_are_neither_followed_nor_shown(
    api: Any, settings: Any, secret: Path, tmp_path: Path
) -> None:
    root = Path(settings.artifacts_destination)
    root.mkdir()
    (root / "file").symlink_to(secret)
    (root / "directory").symlink_to(tmp_path)

    assert api.http.get(f"{PROXY}/file").status_code == 400
    assert api.http.get(f"{PROXY}/directory/secret").status_code == 400
    assert api.http.put(f"{PROXY}/directory/secret", content=b"x").status_code == 400
    assert api.http.delete(f"{PROXY}/directory/secret").status_code == 400
    assert api.http.get(PROXY).json() == {}
    assert secret.read_text() == "top secret"


def test_the_root_of_all_artifacts_cannot_be_deleted(api: Any) -> None:
    api.http.put(f"{PROXY}/kept", content=b"x")

    for path in ("", ".", "./", "%2e", ".uploads"):
        assert api.http.delete(f"{PROXY}/{path}").status_code in (400, 404, 405)
    assert api.http.get(f"{PROXY}/kept").content == b"x"


def test_uploads_in_progress_are_out_of_reach(api: Any) -> None:
    for path in (".uploads/x", "./.uploads/x", ".uploads"):
        assert api.http.put(f"{PROXY}/{quote(path)}", content=b"x").status_code == 400
        assert api.http.get(PROXY, params={"path": path}).status_code == 400


def test_a_fifo_among_the_artifacts_holds_nobody_up(api: Any, settings: Any) -> None:
    import os

    root = Path(settings.artifacts_destination)
    root.mkdir()
    os.mkfifo(root / "pipe")

    assert api.http.get(f"{PROXY}/pipe").status_code == 404
    assert api.http.get(PROXY).json() == {}


def test_rebound_host_names_are_refused(api: Any) -> None:
    reply = api.http.get(
        "/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": "evil.example:5000"}
    )

    assert reply.status_code == 403
    assert "DNS rebinding" in reply.json()["message"]
    assert api.http.get("/health", headers={"Host": "evil.example"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1", "[::1]:80", "10.0.0.7:5000", "LOCALHOST"])
def test_addresses_and_localhost_are_fine(api: Any, host: str) -> None:
    assert api.http.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example#localhost"]
)
def test_lookalikes_are_not(api: Any, host: str) -> None:
    assert api.http.get("/", headers={"Host": host}).status_code == 403


def test_names_can_be_allowed(make_api: Any, with_settings: Any) -> None:
    api = make_api(with_settings(allowed_hosts=("ml.example",)))

    assert api.http.get("/", headers={"Host": "ML.example:5000"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1234", "http://localhost.evil.example"]
)
def test_pages_of_other_origins_change_nothing(api: Any, origin: str) -> None:
    reply = api.http.post(
        "/api/2.0/mlflow/experiments/create", json={"name": "forged"}, headers={"Origin": origin}
    )

    assert reply.status_code == 403
    assert api.refused("GET", "experiments/get-by-name", experiment_name="forged")[0] == 404


def test_the_servers_own_pages_may(api: Any) -> None:
    reply = api.http.post(
        "/api/2.0/mlflow/experiments/create", json={"name": "own"}, headers={"Origin": "http://localhost"}
    )

    assert reply.status_code == 200


def test_nothing_may_be_framed_by_strangers(api: Any) -> None:
    for path in ("/", "/api/2.0/mlflow/experiments/get?experiment_id=0", "/health"):
        assert api.http.get(path).headers["x-frame-options"] == "SAMEORIGIN"


def test_errors_never_show_a_traceback_or_sql(api: Any) -> None:
    reply = api.http.post(
        "/api/2.0/mlflow/runs/search", json={"experiment_ids": ["0"], "filter": "params.a = '\x00'"}
    )

    assert reply.status_code in (200, 400)
    assert "Traceback" not in reply.text
    assert "SELECT" not in reply.text
