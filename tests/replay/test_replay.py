"""Our server gives MLflow's answers: recorded conversations, compared field by field."""

from __future__ import annotations

import functools
import tempfile

import pytest

from tests.replay.replay import DIFFERENCES, Outcome, names, replay
from tracking_server.settings import Settings


@functools.cache
def outcome_of(name: str) -> Outcome:
    """A recording replayed against a new server; both tests look at the same replay."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            backend_store_uri=f"sqlite:///{folder}/mlruns.db", artifacts_destination=f"{folder}/artifacts"
        )
        return replay(name, settings)


@pytest.mark.parametrize("name", names())
def test_a_recorded_conversation_goes_the_same_way_with_our_server(name: str) -> None:
    outcome = outcome_of(name)

    assert outcome.replayed
    assert outcome.problems == [], "\n\n" + "\n".join(outcome.problems)


def test_every_deliberate_difference_is_one() -> None:
    """A rule that no recording needs any more is gone with the difference."""
    met: set[str] = set()
    for name in names():
        met |= outcome_of(name).met

    assert sorted({rule.name for rule in DIFFERENCES} - met) == []
