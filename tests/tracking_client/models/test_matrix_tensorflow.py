"""The matrix of models with TensorFlow, in an environment that has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tracking_client import mlflow_server
from tests.tracking_client.models import matrix_tensorflow_cases
from tests.tracking_client.models.tensorflow_environment import python_with_tensorflow
from tests.tracking_client.models.test_matrix import differences, found_by_all
from tracking_client.local_server import LocalServer

_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}


@pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")
def test_a_model_of_tensorflow_of_either_is_the_same_in_both(
    server: LocalServer, mlflow_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"matrix {os.urandom(4).hex()}")
    python = python_with_tensorflow(tmp_path)
    cases, table = matrix_tensorflow_cases.CASES, matrix_tensorflow_cases.__name__
    for kind, url in {"ours": server.url, "mlflow": mlflow_url}.items():
        found = found_by_all(
            cases, table, url, tmp_path / kind, python=python, KERAS_BACKEND="tensorflow", **_QUIET
        )
        wrong = differences(cases, found)
        assert not wrong, "\n\n".join(f"{kind}: {where}\n    {what}" for where, what in wrong.items())
