"""Attacks that have worked on tracking servers; each must fail here.

INDEX says which tests show it, by the kind of attack. Those of the registry, of webhooks and of multipart uploads
are with what they attack; the paths, hosts, origins and ids that every endpoint shares are here.
"""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tracking_server.artifacts.paths import location_problem, safe_path
from tracking_server.errors import InvalidParameter

HERE = Path(__file__).parent
SERVER = HERE.parents[1] / "tracking_server"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"

INDEX = {
    "CVE-2023-1177, -2356, -2780: the source of a model version names files of the server": [
        "test_registry_attacks.py::test_no_source_leads_out_of_the_artifacts_of_a_run",
        "test_registry_attacks.py::test_no_path_leads_out_of_a_version",
        "test_registry_attacks.py::test_what_another_server_stored_is_not_believed",
    ],
    "CVE-2023-6909: an artifact location that climbs in its query": [
        "test_attacks.py::test_artifact_locations_that_mean_something_else_are_refused",
        "test_attacks.py::test_artifacts_elsewhere_are_never_fetched",
    ],
    "CVE-2024-2928, -3848, -1593, -3573: the same in the fragment, the parameters, a local URI": [
        "test_attacks.py::test_artifact_locations_that_mean_something_else_are_refused",
        "test_attacks.py::test_no_path_leads_out_of_the_artifacts",
    ],
    "CVE-2023-6831, -2024-1560: DELETE with a path that is encoded twice": [
        "test_attacks.py::test_no_path_leads_out_of_the_artifacts",
        "test_attacks.py::test_the_root_of_all_artifacts_cannot_be_deleted",
    ],
    "CVE-2023-6976, -6753, -2025-11201, -2026-2033: PUT outside of the artifacts": [
        "test_attacks.py::test_no_path_leads_out_of_the_artifacts",
        "test_attacks.py::test_links_out_of_the_artifacts_are_neither_followed_nor_shown",
        "test_attacks.py::test_uploads_in_progress_are_out_of_reach",
    ],
    "CVE-2023-3765: an absolute path of Windows": [
        "test_attacks.py::test_no_path_leads_out_of_the_artifacts",
    ],
    "CVE-2024-8859: an artifact location of another scheme, and a path with a question mark": [
        "test_attacks.py::test_artifacts_elsewhere_are_never_fetched",
    ],
    "CVE-2026-2614, -116690: a tag switches the check of a source off": [
        "test_registry_attacks.py::test_being_a_prompt_switches_no_check_off",
    ],
    "CVE-2026-53995: an id that is a path": [
        "test_attacks.py::test_ids_are_no_paths",
        "test_attacks.py::test_a_chosen_id_is_one_of_ours",
    ],
    "CVE-2026-2393, -64849, -118628: requests that the server makes for a stranger": [
        "test_attacks.py::test_artifacts_elsewhere_are_never_fetched",
        "test_registry_attacks.py::test_web_addresses_are_kept_as_text_and_never_fetched",
        "webhooks/test_webhook_sender.py::test_a_name_that_changes_its_mind_after_the_check_reaches_nobody",
        "webhooks/test_webhook_sender.py::test_redirects_are_not_followed",
        "webhooks/test_webhook_targets.py::test_addresses_of_some_inside_are_not_public",
    ],
    "CVE-2025-14279, -2023-43472, -2025-1473: DNS rebinding, foreign pages, forged forms": [
        "test_attacks.py::test_rebound_host_names_are_refused",
        "test_attacks.py::test_pages_of_other_origins_change_nothing",
        "test_attacks.py::test_a_browser_says_that_a_page_is_foreign",
        "test_attacks.py::test_forms_of_foreign_pages_are_no_json",
    ],
    "CVE-2026-2635, -0545, -2652, -2651: default passwords, endpoints without authorisation": [
        "test_tokens.py::test_no_endpoint_at_all_is_open_to_strangers",
        "test_tokens.py::test_strangers_stay_out_of_everything",
        "test_shared_server.py::test_a_server_that_others_reach_makes_a_token_and_shows_it_once",
    ],
    "CVE-2025-0453, -2024-6838: requests that cost more than they weigh": [
        "test_attacks.py::test_names_and_bodies_are_bounded",
        "test_attacks.py::test_deep_and_wide_documents_cost_no_more_than_others",
        "test_unsupported.py::test_what_is_not_served_says_so",
        "test_connections.py::test_heads_are_bounded",
        "test_connections.py::test_many_slow_clients_do_not_keep_a_quick_one_waiting",
        "test_connections.py::test_a_stranger_who_sends_requests_ahead_costs_no_memory",
        "test_connections.py::test_trailers_are_bounded",
        "test_connections.py::test_a_trailer_is_no_header",
        "test_artifacts_directory.py::test_paths_without_end_are_refused_unread",
        "test_search_limits.py::test_the_deepest_filter_is_answered_and_a_deeper_one_refused",
    ],
    "CVE-2024-37052 to -37060, -2025-10279, -2026-4137: pickles run, directories that all may write": [
        "test_attacks.py::test_the_server_loads_no_objects_and_runs_no_commands",
        "test_attacks.py::test_nothing_is_writable_by_everybody",
    ],
    "CVE-2026-0596: values that reach a shell": [
        "test_attacks.py::test_the_server_loads_no_objects_and_runs_no_commands",
        "../runner/model/test_value_delivery.py::test_arbitrary_values_reach_a_program_started_by_a_shell",
    ],
}


def test_every_kind_of_attack_has_its_tests() -> None:
    assert len(INDEX) == 15
    for shown_by in INDEX.values():
        for name in shown_by:
            file, _, test = name.partition("::")
            functions = ast.parse((HERE / file).read_text()).body
            assert test in {node.name for node in functions if isinstance(node, ast.FunctionDef)}, name


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


@pytest.mark.parametrize(
    "host",
    [
        "localhost:5000",
        "127.0.0.1",
        "127.1.2.3:80",
        "[::1]:80",
        "10.0.0.7:5000",
        "192.168.1.4",
        "172.16.0.1",
        "169.254.1.1",
        "[fd00::1]:5000",
        "0.0.0.0:5000",
        "LOCALHOST",
    ],
)
def test_localhost_and_addresses_nearby_are_fine(api: Any, host: str) -> None:
    assert api.http.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#localhost",
        "evil.example@localhost",
        "localhost@evil.example:80",
        "8.8.8.8:5000",
        "[2001:4860:4860::8888]",
        "2130706433",
        "0x7f.1",
        "[::1].evil.example",
        "localhost:80@evil.example",
        "localhost:evil",
        "localhost:-1",
        "localhost:123456",
        "127.0.0.1:80:evil.example",
        "[::1]:x",
        "[::1]:80@evil.example",
        "[::1",
        "[localhost]",
    ],
)
def test_lookalikes_are_not(api: Any, host: str) -> None:
    assert api.http.get("/", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("ml.example", "ML.example:5000", 200),
        ("ml.example", "x.ml.example", 403),
        ("ml.example", "ml.example:5000@evil.example", 403),
        ("ml.example:5000", "ml.example:5000", 200),
        ("ml.example:5000", "ml.example:9999", 403),
        ("ml.example:5000", "ml.example:50000", 403),
        ("ml.example:5000", "ml.example", 403),
        ("ml.example:443", "ml.example", 200),
        ("ml.example:*", "ml.example:5000", 200),
        ("*.corp.example:5000", "ml.corp.example:5000", 200),
        ("*.corp.example:5000", "ml.corp.example:5001", 403),
        ("[2001:4860:4860::8888]:5000", "[2001:4860:4860::8888]:5000", 200),
        ("[2001:4860:4860::8888]:5000", "[2001:4860:4860::8888]:5001", 403),
        ("2001:4860:4860::8888", "[2001:4860:4860::8888]:5000", 200),
        ("*.corp.example", "ml.corp.example:80", 200),
        ("*.corp.example", "corp.example.evil", 403),
        ("8.8.*", "8.8.8.8", 200),
        ("*", "anything.example", 200),
        ("*", "anything.example:evil", 403),
    ],
)
def test_names_can_be_allowed(
    make_api: Any, with_settings: Any, allowed: str, host: str, status: int
) -> None:
    api = make_api(with_settings(allowed_hosts=("other.example", allowed)))

    assert api.http.get("/", headers={"Host": host}).status_code == status


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


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site"])
def test_a_browser_says_that_a_page_is_foreign(api: Any, site: str) -> None:
    url = "/api/2.0/mlflow/experiments/create"
    reply = api.http.post(url, json={"name": "forged"}, headers={"Sec-Fetch-Site": site})

    assert reply.status_code == 403
    assert api.refused("GET", "experiments/get-by-name", experiment_name="forged")[0] == 404
    own = api.http.post(url, json={"name": "own"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert own.status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_forms_of_foreign_pages_are_no_json(api: Any, method: str, content_type: str | None) -> None:
    """A page can send these without asking first; old browsers do not even say where it is from."""
    api.post("registered-models/create", name="m")
    path, body = {
        "POST": ("experiments/create", b'{"name": "forged"}'),
        "PATCH": ("registered-models/update", b'{"name": "m", "description": "forged"}'),
        "DELETE": ("registered-models/delete", b'{"name": "m"}'),
    }[method]
    headers = {} if content_type is None else {"Content-Type": content_type}
    reply = api.http.request(method, f"/api/2.0/mlflow/{path}", content=body, headers=headers)

    assert reply.status_code == 400
    assert "Content-Type" in reply.json()["message"]
    assert "description" not in api.get("registered-models/get", name="m")["registered_model"]
    assert api.refused("GET", "experiments/get-by-name", experiment_name="forged")[0] == 404


def test_sites_can_be_allowed_and_others_learn_nothing(make_api: Any, with_settings: Any) -> None:
    api = make_api(with_settings(allowed_origins=("https://notebooks.example",), token="x"))
    url = "/api/2.0/mlflow/experiments/create"
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    friend, stranger = {"Origin": "https://notebooks.example"}, {"Origin": "https://evil.example"}

    allowed = api.http.options(url, headers={**ask, **friend})
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "https://notebooks.example"
    assert allowed.headers["access-control-allow-headers"] == "authorization"
    assert "access-control-allow-credentials" not in allowed.headers
    refused = api.http.options(url, headers={**ask, **stranger})
    assert refused.status_code == 401
    assert "access-control-allow-origin" not in refused.headers
    token = {"Authorization": "Bearer x"}
    made = api.http.post(url, json={"name": "x"}, headers={**friend, **token, "Sec-Fetch-Site": "cross-site"})
    assert made.status_code == 200
    assert made.headers["access-control-allow-origin"] == "https://notebooks.example"
    assert api.http.post(url, json={"name": "y"}, headers={**stranger, **token}).status_code == 403


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


@pytest.mark.parametrize(
    "made_up",
    [
        "../../etc",
        "..%2F..%2Fetc",
        "/etc/passwd",
        "a/b",
        "..",
        ".",
        "x" * 10_000,
        "a\x00b",
        "%252e%252e",
        "m-../..",
    ],
)
def test_ids_are_no_paths(api: Any, secret: Path, made_up: str) -> None:
    escaped = quote(made_up, safe="").replace(".", "%2E")
    attempts = [
        api.http.get("/api/2.0/mlflow/runs/get", params={"run_id": made_up}),
        api.http.get("/api/2.0/mlflow/artifacts/list", params={"run_id": made_up}),
        api.http.get("/get-artifact", params={"run_id": made_up, "path": "secret"}),
        api.http.get("/api/2.0/mlflow/experiments/get", params={"experiment_id": made_up}),
        api.http.get(f"/api/2.0/mlflow/logged-models/{escaped}"),
        api.http.get(f"/api/2.0/mlflow/logged-models/{escaped}/artifacts/directories"),
        api.http.get(
            f"/ajax-api/2.0/mlflow/logged-models/{escaped}/artifacts/files",
            params={"artifact_file_path": "secret"},
        ),
        api.http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": made_up}),
        api.http.get(f"/runs/{escaped}"),
        api.http.get(f"/experiments/{escaped}"),
    ]

    for reply in attempts:
        assert reply.status_code in (400, 404), reply.request.url
        assert "top secret" not in reply.text


@pytest.mark.parametrize("chosen", ["../x", "a" * 31, "A" * 32, "g" * 32, "a" * 32 + "/..", "a" * 32 + "\n"])
def test_a_chosen_id_is_one_of_ours(api: Any, chosen: str) -> None:
    assert api.refused("POST", "runs/create", experiment_id="0", run_id=chosen)[0] == 400


@pytest.mark.parametrize("scheme", ["http", "https", "ftp", "dbfs", "file", "hdfs", "webdav"])
def test_artifacts_elsewhere_are_never_fetched(api: Any, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        where = f"127.0.0.1:{inside.getsockname()[1]}/latest/meta-data"
        location = f"{scheme}:/{where}" if scheme == "dbfs" else f"{scheme}://{where}"
        made = api.http.post(
            "/api/2.0/mlflow/experiments/create", json={"name": "x", "artifact_location": location}
        )
        if made.status_code == 200:
            run_id = api.run(made.json()["experiment_id"])
            for path in ("a", "a?/a", "", "../x"):
                query = {"run_id": run_id, "run_uuid": run_id, "path": path}
                for reply in (
                    api.http.get("/get-artifact", params=query),
                    api.http.get("/api/2.0/mlflow/artifacts/list", params=query),
                    api.http.post("/ajax-api/2.0/mlflow/upload-artifact", params=query, content=b"x"),
                ):
                    assert reply.status_code in (400, 501), reply.text
                    if path == "a":
                        assert "not served by this server" in reply.json()["message"]
            assert api.http.get(f"/runs/{run_id}").status_code == 200
        with pytest.raises(TimeoutError):
            inside.accept()


def test_names_and_bodies_are_bounded(api: Any) -> None:
    long = "x" * 1_000_000
    run_id = api.run()

    assert api.refused("POST", "experiments/create", name=long)[0] == 400
    assert api.refused("POST", "runs/log-parameter", run_id=run_id, key=long, value="x")[0] == 400
    assert api.refused("POST", "registered-models/create", name=long)[0] == 400
    assert api.refused("POST", "runs/search", experiment_ids=["0"], filter=long)[0] == 400
    too_much = b'{"name": "' + b"x" * (65 * 1024 * 1024) + b'"}'
    reply = api.http.post(
        "/api/2.0/mlflow/experiments/create", content=too_much, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 413
    endless = (b"x" * 1_000_000 for _ in range(1000))
    reply = api.http.post(
        "/api/2.0/mlflow/experiments/create", content=endless, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code == 413


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"experimentId": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"name": ' + b"9" * 100_000 + b"}",
        b'{"name": 1e999999}',
        b'{"name": "\\ud800"}',
        b'"' + b"\\" * 10_000 + b'"',
        b'{"experiment_ids": ["0"], "filter": "' + b"(" * 50_000 + b'"}',
        b'{"experiment_ids": ["0"], "filter": "' + b"NOT " * 50_000 + b'"}',
        b'{"experiment_ids": ["0"], "filter": "params.a = \'b\'' + b" OR params.a = 'b'" * 5_000 + b'"}',
        b'{"experiment_ids": ["0"], "order_by": [' + b'"params.a", ' * 5_000 + b'"params.b"]}',
        b'{"experiment_ids": [' + b'"0", ' * 200_000 + b'"0"]}',
    ],
    ids=range(12),
)
def test_deep_and_wide_documents_cost_no_more_than_others(api: Any, document: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("experiments/create", "runs/search", "logged-models/search", "runs/log-batch"):
        reply = api.http.post(f"/api/2.0/mlflow/{path}", content=document, headers=headers)

        assert reply.status_code in (200, 400), (path, reply.text[:300])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "experiments/get?experiment_id=" + "9" * 5000, None),
        ("POST", "runs/create", {"experiment_id": "9" * 5000}),
        ("POST", "runs/search", {"experiment_ids": ["9" * 5000]}),
        ("PATCH", "logged-models/m-1", {"status": "9" * 5000}),
        ("PATCH", "logged-models/m-1", {"status": "\u00b2"}),
    ],
)
def test_numbers_that_python_refuses_to_read_are_bad_requests(
    api: Any, method: str, path: str, body: Any
) -> None:
    reply = api.http.request(method, f"/api/2.0/mlflow/{path}", json=body)

    assert reply.status_code in (400, 404), reply.text[:300]


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 2024 00:00:00 +" + "9" * 20, "Mon, 01 Jan " + "9" * 20 + " 0:0 GMT"]
)
def test_dates_that_no_calendar_has_are_no_dates(api: Any, date: str) -> None:
    url = "/api/2.0/mlflow-artifacts/artifacts/file"
    assert api.http.put(url, content=b"hello").status_code == 200

    reply = api.http.get(url, headers={"Range": "bytes=0-1", "If-Range": date})

    assert (reply.status_code, reply.content) == (200, b"hello")


@pytest.mark.parametrize("name", ["\ud800", "x\udcff"])
@pytest.mark.parametrize("call", ["create", "complete", "abort"])
def test_half_characters_are_no_names_of_files(api: Any, call: str, name: str) -> None:
    body = {"path": name, "upload_id": "0" * 32, "parts": [{"part_number": 1, "etag": "x"}]}
    content, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}

    reply = api.http.post(f"/api/2.0/mlflow-artifacts/mpu/{call}/d", content=content, headers=headers)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("path", ["a/" * 1900 + "x", "%252541" * 120], ids=["deep", "long once encoded"])
def test_paths_that_no_disk_takes_are_refused_and_make_nothing(api: Any, settings: Any, path: str) -> None:
    reply = api.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=b"x")

    assert (reply.status_code, reply.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not list(Path(settings.artifacts_destination).rglob("*"))


def test_a_file_whose_name_is_no_text_hides_no_other(api: Any, settings: Any) -> None:
    run_id = api.run()
    directory = Path(settings.artifacts_destination) / "0" / run_id / "artifacts"
    directory.mkdir(parents=True)
    (directory / "good.txt").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(directory) + b"/bad\xff.txt")).write_bytes(b"")

    assert [file["path"] for file in api.get("artifacts/list", run_id=run_id)["files"]] == ["good.txt"]
    listed = api.get("../mlflow-artifacts/artifacts", path=f"0/{run_id}/artifacts")
    assert [file["path"] for file in listed["files"]] == ["good.txt"]
    page = api.http.get(f"/runs/{run_id}/artifacts")
    assert page.status_code == 200
    assert "good.txt" in page.text


MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "subprocess", "multiprocessing"}
CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "os.execv", "os.posix_spawn", "tempfile.mktemp"}


def test_more_experiments_than_one_statement_takes_are_a_bad_request_at_once(api: Any) -> None:
    ids = [str(number) for number in range(300_000)]

    status, code, message = api.refused("POST", "runs/search", experiment_ids=ids, filter="metrics.a > 1")

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "Ask in several" in message


def test_tokens_are_compared_in_constant_time_or_found_by_their_digests() -> None:
    compared = []
    for path in (SERVER / "guard").glob("*.py"):
        compared += [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops)
        ]

    assert "hmac.compare_digest(digest, own)" in (SERVER / "guard/keyring.py").read_text()
    secret = re.compile(r"digest|proof|own\b|shown|password|credential")
    assert [one for one in compared if secret.search(one)] == []


def test_the_server_loads_no_objects_and_runs_no_commands() -> None:
    found = []
    for path in SERVER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
            elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in MODULES:
                found.append(f"{path.name}: {node.module}")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
                found.append(f"{path.name}: {ast.unparse(node.func)}")

    assert found == []


def test_nothing_is_writable_by_everybody(start_server: Any, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        server = start_server(f"--access-log={tmp_path}/access.log")
        server.http.put(f"{PROXY}/some/where/x.bin", content=b"x")
    finally:
        os.umask(before)
    made = [path for path in tmp_path.rglob("*") if path.name != server.log.name]

    assert len(made) > 6
    for path in made:
        assert not stat.S_IMODE(path.lstat().st_mode) & stat.S_IWOTH, path
