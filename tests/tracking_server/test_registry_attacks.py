"""Attacks on the model registry that have worked on tracking servers; each must fail here.

A version's source decides what `/model-versions/get-artifact` opens, and what every client downloads that loads
the model. A secret lies beside the artifacts; no source, however spelled, may lead there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tracking_server.api.model_sources import PROMPT_SOURCES
from tracking_server.store.registry.schema import model_versions

PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
REFUSED = (400, "INVALID_PARAMETER_VALUE")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("top secret")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def local(make_api: Any, with_settings: Any, root: Path) -> Any:
    """A server whose runs keep their artifacts in a directory, and a registered model "m"."""
    api: Any = make_api(with_settings(default_artifact_root=str(root), serve_artifacts=False))
    api.post("registered-models/create", name="m")
    return api


@pytest.fixture
def proxied(api: Any) -> Any:
    """A server that proxies artifacts, and a registered model "m"."""
    api.post("registered-models/create", name="m")
    return api


@pytest.fixture(params=["local", "proxied"])
def either(request: pytest.FixtureRequest) -> Any:
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)


def refused(api: Any, source: str, **body: Any) -> str:
    status, code, message = api.refused("POST", "model-versions/create", name="m", source=source, **body)
    assert (status, code) == REFUSED, source
    assert "top secret" not in message
    return str(message)


def read(api: Any, path: str, version: str = "1") -> Any:
    query = {"name": "m", "version": version, "path": path}
    return api.http.get("/model-versions/get-artifact", params=query)


def uri(api: Any, run_id: str) -> str:
    return str(api.whole_run(run_id)["info"]["artifact_uri"])


ELSEWHERE = [
    "/etc",
    "/etc/passwd",
    "//etc",
    "/",
    "etc",
    ".",
    "..",
    "../../etc",
    "./secret",
    "\\..\\..\\etc",
    "C:/Windows",
    "c:\\Windows",
    "C:",
    "file:/etc",
    "file:etc",
    "file:///etc",
    "file:////etc",
    "FILE:///etc",
    "file://localhost/etc",
    "file://127.0.0.1/etc",
    "file://evil.example/etc",
    "file://[/etc",
    "file:///%2e%2e/etc",
    "file:///%252e%252e/etc",
    " file:///etc",
    "file:\n///etc",
    "fi\tle:///etc",
    "file:///etc\x00",
    "mlflow-artifacts:/",
    "mlflow-artifacts:/../etc",
    "mlflow-artifacts:/%2e%2e/etc",
    "mlflow-artifacts:../etc",
    "mlflow-artifacts://localhost/etc",
    "MLFLOW-ARTIFACTS:/0",
    "http://localhost/api/2.0/mlflow-artifacts/artifacts/../../../etc",
    "http://localhost/api/2.0/mlflow-artifacts/artifacts/0",
    "http://localhost/api/2.0/mlflow%2dartifacts/artifacts/0",
    "http:///?/../../etc",
    "http:///#/../../etc",
    "http://host/;/../../etc",
    "http://host/x;param",
    "s3://bucket/../etc",
    "s3://bucket/%2e%2e/etc",
    "s3://bucket/x?y",
    "s3://bucket/x#y",
    "s3://bucket\\x",
    "s3://bucket/a\nb",
    "%" + "25" * 20 + "2e",
    "javascript:alert(1)",
    "data:text/html,x",
    "dummy-source",
    "prompt-template",
    "s3://bucket/" + "x" * 5000,
]


def test_no_source_leads_out_of_the_artifacts_of_a_run(either: Any) -> None:
    run_id = either.run()
    model = either.post("logged-models", experiment_id="0")["model"]["info"]["model_id"]

    for source in ELSEWHERE:
        for owner in ({}, {"run_id": run_id}, {"model_id": model}, {"run_id": run_id, "model_id": model}):
            refused(either, source, **owner)
    assert either.get("model-versions/search") == {}


def test_being_a_prompt_switches_no_check_off(local: Any) -> None:
    local.post("registered-models/set-tag", name="m", **PROMPT[0])
    run_id = local.run()

    for source in {*ELSEWHERE, "s3://bucket/x", f"runs:/{run_id}/x"} - PROMPT_SOURCES:
        for value in ("true", "TRUE"):
            message = refused(local, source, tags=[{**PROMPT[0], "value": value}], run_id=run_id)
            assert "Prompt sources must use an MLflow placeholder." in message


def test_the_last_of_equal_tags_decides_what_a_version_is(local: Any) -> None:
    two = [PROMPT[0], {**PROMPT[0], "value": "false"}]

    refused(local, "dummy-source", tags=two)
    refused(local, "/etc", tags=two[::-1])


@pytest.mark.parametrize(
    "behind", ["/..", "/../x", "/%2e%2e/x", "/a%2fb", "/a%20b", "/a?b", "/a#b", "/a;b", "/a\\b", "x", "2/y"]
)
def test_a_source_must_be_inside_letter_by_letter(either: Any, behind: str) -> None:
    run_id = either.run()

    refused(either, uri(either, run_id) + behind, run_id=run_id)
    refused(either, f"runs:/{run_id}{behind}", run_id=run_id)


def test_the_same_path_on_another_machine_is_not_here(local: Any) -> None:
    run_id = local.run()
    own = uri(local, run_id)

    for host in ("evil.example", "localhost.evil.example", "localhost:80", "x@localhost"):
        refused(local, f"file://{host}{own}", run_id=run_id)
    for spelled in (own, f"file:{own}", f"file://{own}", f"file://localhost{own}/model", f"{own}/"):
        assert local.post("model-versions/create", name="m", source=spelled, run_id=run_id)


def test_another_runs_artifacts_are_not_this_runs(either: Any) -> None:
    own, other = either.run(), either.run()
    source = uri(either, other) + "/model"

    for owner in ({}, {"run_id": own}, {"run_id": "nope"}, {"model_id": "m-nope"}):
        refused(either, source, **owner)
        refused(either, f"runs:/{other}/model", **owner)
    assert either.post("model-versions/create", name="m", source=source, run_id=other)


def test_another_logged_models_artifacts_are_not_this_models(proxied: Any) -> None:
    own, other = (proxied.post("logged-models", experiment_id="0")["model"]["info"] for _ in range(2))

    refused(proxied, other["artifact_uri"], model_id=own["model_id"])
    for owner in ({}, {"model_id": own["model_id"]}, {"run_id": proxied.run()}):
        refused(proxied, f"models:/{other['model_id']}", **owner)
    for spelled in (
        "models://host/1",
        "models:m/1",
        "models:/",
        "models:/m/",
        "models:/m/1/2",
        "models:///m/1",
    ):
        refused(proxied, spelled, model_id=own["model_id"])


def test_a_link_among_the_artifacts_leads_nowhere(local: Any, root: Path, secret: Path) -> None:
    run_id = local.run()
    artifacts = root / "0" / run_id / "artifacts"
    artifacts.mkdir(parents=True)
    (artifacts / "out").symlink_to(secret.parent)
    (artifacts / "model").mkdir()

    refused(local, str(artifacts / "out"), run_id=run_id)
    local.post("model-versions/create", name="m", source=str(artifacts / "model"), run_id=run_id)
    (artifacts / "model").rmdir()
    (artifacts / "model").symlink_to(secret.parent)

    reply = read(local, "secret")
    assert reply.status_code in (400, 404)
    assert "top secret" not in reply.text


@pytest.mark.parametrize("location", ["/etc", "file:///etc", "http:///etc", "s3://bucket/x", "dbfs:/etc"])
def test_an_experiment_elsewhere_makes_nothing_readable(local: Any, location: str) -> None:
    """A client may choose where an experiment's artifacts are; the server then opens none of them."""
    experiment = local.experiment("elsewhere", artifact_location=location)
    run_id = local.run(experiment)
    local.post("model-versions/create", name="m", source=uri(local, run_id), run_id=run_id)

    reply = read(local, "passwd")

    assert reply.status_code == 400
    assert "not served by this server" in reply.json()["message"]


@pytest.mark.parametrize("source", ["http://169.254.169.254/latest/meta-data", "https://evil.example/x"])
def test_web_addresses_are_kept_as_text_and_never_fetched(
    proxied: Any, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def never(*_: object) -> None:
        raise AssertionError("the server looked for a host that a client named")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect", never)
    made = proxied.post("model-versions/create", name="m", source=source)["model_version"]

    assert made["source"] == source
    assert proxied.get("model-versions/get-download-uri", name="m", version=1) == {"artifact_uri": source}
    assert read(proxied, "x").status_code == 400


@pytest.mark.parametrize(
    "stored",
    [
        "/etc",
        "file:///etc",
        "../../etc",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/%2e%2e/etc",
        "http://h/",
    ],
)
def test_what_another_server_stored_is_not_believed(either: Any, stored: str) -> None:
    either.post("model-versions/create", name="m", source="s3://bucket/x")

    def spoil(connection: sqlalchemy.Connection) -> None:
        connection.execute(model_versions.update().values(source=stored, storage_location=stored))

    either.application.database.write_and_wait(spoil)

    for path in ("passwd", "hostname"):
        assert read(either, path).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["../secret", "/etc/passwd", "%2e%2e/secret", "a/../../secret", "C:/x", "a\\..\\x", "a?/../b", ".."],
)
def test_no_path_leads_out_of_a_version(proxied: Any, secret: Path, path: str) -> None:
    run_id = proxied.run()
    proxied.post("model-versions/create", name="m", source=uri(proxied, run_id), run_id=run_id)

    reply = read(proxied, path)

    assert reply.status_code in (400, 404)
    assert "top secret" not in reply.text
    assert secret.exists()


def test_a_version_shows_its_own_files_only(proxied: Any) -> None:
    own, other = proxied.run(), proxied.run()
    for run_id in (own, other):
        proxied.http.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/file", content=b"bytes")
    proxied.post("model-versions/create", name="m", source=uri(proxied, own), run_id=own)

    assert read(proxied, "file").content == b"bytes"
    for path in (
        f"../../{other}/artifacts/file",
        f"%2e%2e/%2e%2e/{other}/artifacts/file",
        f"0/{other}/artifacts/file",
    ):
        assert read(proxied, path).status_code in (400, 404)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "JavaScript:x", " javascript:x", "data:text/html,x", "a\nb"]
)
def test_links_that_a_browser_would_run_are_refused(proxied: Any, link: str) -> None:
    assert "run_link" in refused(proxied, "s3://bucket/x", run_link=link)


def test_a_refused_version_changes_nothing(proxied: Any) -> None:
    before = proxied.get("registered-models/get", name="m")

    refused(proxied, "/etc")
    refused(proxied, "s3://bucket/x", tags=[{"key": "../k", "value": "v"}])
    refused(proxied, "s3://bucket/x", description="x" * 100_001)

    assert proxied.get("registered-models/get", name="m") == before
    made = proxied.post("model-versions/create", name="m", source="s3://bucket/x")["model_version"]
    assert made["version"] == "1"


def test_pages_of_other_origins_change_nothing(proxied: Any) -> None:
    headers = {"Origin": "http://evil.example"}
    for method, path in (("POST", "create"), ("DELETE", "delete"), ("PATCH", "update"), ("POST", "alias")):
        address = f"/api/2.0/mlflow/registered-models/{path}"
        assert proxied.http.request(method, address, json={"name": "m"}, headers=headers).status_code == 403
    form = proxied.http.request(
        "DELETE",
        "/api/2.0/mlflow/registered-models/delete",
        content=b'{"name": "m"}',
        headers={"Content-Type": "text/plain"},
    )
    assert form.status_code == 400
    assert proxied.get("registered-models/get", name="m")["registered_model"]["name"] == "m"
