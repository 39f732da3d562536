"""The same trainings, logged by ours and by MLflow's autologging, leave the same runs."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client.integrations import keras_session, sklearn_session
from tests.tracking_client.integrations.autologging_differences import DIFFERENCES
from tests.tracking_client.integrations.logged_runs import differing, logged, played
from tracking_client.client import TrackingClient
from tracking_client.local_server import LocalServer

_SESSIONS = {"sklearn_session": sklearn_session.CASES, "keras_session": keras_session.CASES}
_CASES = [(session, case.__name__) for session, cases in _SESSIONS.items() for case in cases]


@pytest.fixture(scope="module")
def prefixes(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Plays every session by both sides, once for all cases; what the experiments' names begin with."""
    repository = Path(__file__).resolve().parents[3]
    environ = {
        "HOME": str(tmp_path_factory.mktemp("autologging")),
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_TRACKING_TOKEN": server.token or "",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }
    found = {
        (session, who): f"{who} {os.urandom(4).hex()}" for session in _SESSIONS for who in ("ours", "mlflow")
    }

    def play(plan: tuple[tuple[str, str], str]) -> None:
        (session, who), prefix = plan
        played(session, who, prefix, repository, **environ)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(play, found.items()))
    return found


@pytest.mark.parametrize(("session", "case"), _CASES)
def test_both_leave_the_same_runs(
    session: str, case: str, prefixes: dict[tuple[str, str], str], client: TrackingClient
) -> None:
    theirs = logged(client, f"{prefixes[session, 'mlflow']} {case}")
    ours = logged(client, f"{prefixes[session, 'ours']} {case}")
    deliberate: dict[Any, tuple[Any, Any]] = {
        each.place: (each.theirs, each.ours)
        for each in DIFFERENCES
        if (each.session, each.case) == (session, case)
    }
    assert differing(theirs, ours) == deliberate


def test_every_difference_is_of_a_case_and_has_a_reason() -> None:
    assert {(each.session, each.case) for each in DIFFERENCES} <= set(_CASES)
    assert all(each.why and each.theirs != each.ours for each in DIFFERENCES)
