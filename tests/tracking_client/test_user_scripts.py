"""Scripts as users write them leave equal runs, whichever client they import and whichever server they use.

Each script of `user_scripts/` says `import mlflow`. It runs as it is and as `import tracking_client as mlflow`,
against a real `mlflow server` and ours, and with ours also offline and synchronised later. What the servers hold
then is compared with what MLflow's client leaves on MLflow's server, field by field, file by file, through the
REST API; so is what the scripts print. What may differ is in `script_differences.py`, each with its reason.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client import mlflow_server
from tests.tracking_client.holdings import Holdings, differing, holdings
from tests.tracking_client.script_differences import DIFFERENCES
from tests.tracking_client.servers import stop_server
from tracking_client import offline
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.tracking_uri import LocalStore, parse
from tracking_client.transport import Transport

pytestmark = pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")

SCRIPTS = {
    path.stem: path.read_text() for path in sorted((Path(__file__).parent / "user_scripts").glob("*.py"))
}
_TIMEOUT_S = 600.0
_ID = re.compile(r"(m-)?[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Way:
    """Which client a script imports, whose server it uses, and whether it does so later."""

    client: str
    server: str
    is_offline: bool = False

    @property
    def name(self) -> str:
        return f"{self.client} {'offline ' if self.is_offline else ''}to {self.server}"


JUDGE = Way("mlflow", "mlflow")
WAYS = (
    JUDGE,
    Way("mlflow", "ours"),
    Way("ours", "mlflow"),
    Way("ours", "ours"),
    Way("ours", "mlflow", is_offline=True),
    Way("ours", "ours", is_offline=True),
)


@dataclass(slots=True)
class Playing:
    """A script that runs in one of the ways."""

    way: Way
    directory: Path
    environ: dict[str, str]
    experiment: str
    process: subprocess.Popen[str]

    @classmethod
    def begun(cls, script: str, way: Way, directory: Path, environ: dict[str, str]) -> Playing:
        directory.mkdir()
        source = SCRIPTS[script]
        if way.client == "ours":
            source, count = re.subn(
                r"^import mlflow$", "import tracking_client as mlflow", source, flags=re.MULTILINE
            )
            assert count == 1
        (directory / "train.py").write_text(source)
        experiment = f"{script} {os.urandom(4).hex()}"
        process = subprocess.Popen(
            [sys.executable, "train.py", experiment],
            cwd=directory,
            env={**environ, **({offline.OFFLINE: "1"} if way.is_offline else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return cls(way, directory, environ, experiment, process)

    def ended(self) -> Holdings:
        """How it ended and what it printed, as what a server holds."""
        out, err = self.process.communicate(timeout=_TIMEOUT_S)
        if self.way.is_offline:
            synced = subprocess.run(
                [sys.executable, "-m", "runner", "sync"],
                cwd=self.directory,
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            assert synced.returncode == 0, synced.stderr
        lines = _ID.sub("(an id)", out.replace(self.experiment, "EXPERIMENT")).splitlines()
        error = err.strip().splitlines()[-1] if self.process.returncode > 0 else ""
        return {
            "exit": self.process.returncode,
            "error": error,
            **{f"line {number}": line for number, line in enumerate(lines)},
        }


def played(
    script: str, directory: Path, servers: dict[str, TrackingClient], tokens: dict[str, str]
) -> dict[str, Holdings]:
    """What each way of running a script leaves."""
    common = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")])),
        "PYTHONWARNINGS": "ignore",
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "MPLBACKEND": "agg",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    all_playing = []
    try:
        for way in WAYS:
            environ = {
                **common,
                "MLFLOW_TRACKING_URI": servers[way.server].tracking_uri,
                "MLFLOW_TRACKING_TOKEN": tokens[way.server],
                "RUNNER_JOURNAL_DIR": str(journal_folder() / way.name) if way.is_offline else "",
            }
            all_playing.append(Playing.begun(script, way, directory / way.name, environ))
        ends = [playing.ended() for playing in all_playing]
    finally:
        for playing in all_playing:
            playing.process.kill()
            playing.process.wait()
        for way in WAYS:
            for store in offline.stores_in(journal_folder() / way.name):
                stop_server(LocalStore.of_database(store.database))
    return {
        playing.way.name: {**end, **_held(servers[playing.way.server], playing.experiment)}
        for playing, end in zip(all_playing, ends, strict=True)
    }


def _held(client: TrackingClient, experiment: str) -> Holdings:
    found = client.search_registered_models(f"name LIKE '{experiment}%'")
    return holdings(client, experiment, sorted(model.name for model in found))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_leaves_the_same_by_both_clients_on_both_servers_and_offline(
    script: str, client: TrackingClient, server: LocalServer, mlflow_url: str, tmp_path: Path
) -> None:
    transport = Transport(parse(mlflow_url), environ={}, patience=Patience())
    servers = {"ours": client, "mlflow": TrackingClient(mlflow_url, transport=transport)}
    tokens = {"ours": server.token or "", "mlflow": ""}
    try:
        left = played(script, tmp_path, servers, tokens)
    finally:
        transport.close()

    judged = left.pop(JUDGE.name)
    assert len(judged) > 15, judged
    unexplained: dict[str, Any] = {}
    unmet: list[tuple[str, str]] = []
    for way, ours in left.items():
        about = [each for each in DIFFERENCES if each.is_about(script, way)]
        found = differing(judged, ours)
        met = {
            each
            for each in about
            for place, (theirs, what) in found.items()
            if each.covers(place, theirs, what)
        }
        unmet += [(way, each.place) for each in about if each not in met]
        unexplained |= {
            f"{way}: {place}": pair
            for place, pair in found.items()
            if not any(each.covers(place, *pair) for each in about)
        }
    assert unexplained == {}
    assert unmet == []


def test_every_difference_is_of_a_script_and_has_a_reason() -> None:
    for each in DIFFERENCES:
        assert any(re.fullmatch(each.scripts, script) for script in SCRIPTS), each
        assert each.why
        assert {each.ways} <= {tuple(way for way in each.ways if way in {known.name for known in WAYS})}
