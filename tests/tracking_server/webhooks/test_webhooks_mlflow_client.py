"""MLflow's own client makes webhooks here, and they hear what MLflow's server would have told."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracking_server.settings import Settings

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None,
    reason="the real MLflow client is not installed in this environment",
)

# As recorded from MLflow 3.17.2, on the same calls.
TOLD = [
    ("registered_model", "created", {"description": "", "name": "m", "tags": {"a": "b"}}),
    ("registered_model", "created", {"description": "desc", "name": "d", "tags": {}}),
    (
        "model_version",
        "created",
        {
            "description": None,
            "name": "m",
            "run_id": None,
            "source": "s3://b/x",
            "tags": {"t": "u"},
            "version": "1",
        },
    ),
    ("model_version_tag", "set", {"key": "k", "name": "m", "value": "v", "version": "1"}),
    ("model_version_tag", "deleted", {"key": "k", "name": "m", "version": "1"}),
    ("model_version_alias", "created", {"alias": "al", "name": "m", "version": "1"}),
    ("model_version_alias", "deleted", {"alias": "al", "name": "m"}),
    ("prompt", "created", {"description": "cm", "name": "p", "tags": {"q": "r"}}),
    (
        "prompt_version",
        "created",
        {"description": "cm", "name": "p", "tags": {"q": "r"}, "template": "Hello {{x}}", "version": "1"},
    ),
    ("prompt_tag", "set", {"key": "z", "name": "p", "value": "1"}),
    ("prompt_tag", "set", {"key": "_mlflow_experiment_ids", "name": "p", "value": ",0,"}),
    ("prompt_tag", "deleted", {"key": "z", "name": "p"}),
    ("prompt_version_tag", "set", {"key": "z", "name": "p", "value": "1", "version": "1"}),
    ("prompt_version_tag", "deleted", {"key": "z", "name": "p", "version": "1"}),
    ("prompt_alias", "created", {"alias": "pa", "name": "p", "version": "1"}),
    ("prompt_alias", "deleted", {"alias": "pa", "name": "p"}),
]


def test_mlflows_client_manages_webhooks_and_they_hear_what_mlflow_tells(
    start_server: Any, receiver: Any, settings: Settings, tmp_path: Path, wait_for: Callable[..., None]
) -> None:
    server = start_server(
        f"--webhook-allowed-hosts={','.join(settings.webhook_allowed_hosts)}",
        f"--webhook-ca-file={settings.webhook_ca_file}",
    )
    environ = {
        **os.environ,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_TOKEN": server.discovery["token"] or "",
    }

    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("mlflow_webhook_session.py")),
            str(server.http.base_url),
            receiver.url("/"),
        ],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done"
    expected = sorted(map(repr, TOLD))
    wait_for(lambda: len([1 for request in receiver.received if request.path == "/"]) >= len(TOLD))
    documents = [request.document for request in receiver.received if request.path == "/"]
    heard = [
        (document["entity"], document["action"], dict(sorted(document["data"].items())))
        for document in documents
    ]
    assert sorted(map(repr, heard)) == expected
