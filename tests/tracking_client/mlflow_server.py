"""A real `mlflow server`: a judge, not a dependency."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tracking_client.servers import wait_until

COMMAND = shutil.which("mlflow")


@contextmanager
def running_mlflow_server(directory: Path) -> Iterator[str]:
    """The URL of a real MLflow server on a free port, with everything it keeps in `directory`."""
    assert COMMAND is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    argv = [COMMAND, "server", "--host", "127.0.0.1", "--port", port, "--workers", "1"]
    argv += ["--backend-store-uri", f"sqlite:///{directory}/m.db"]
    argv += ["--artifacts-destination", f"{directory}/artifacts"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "GIT_PYTHON_REFRESH": "quiet"},
            start_new_session=True,
        )

    def answers() -> bool:
        assert process.poll() is None, (directory / "log").read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait_until(answers, "mlflow server answers", 120)
        yield url
    finally:
        os.killpg(process.pid, 15)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait(timeout=20)
