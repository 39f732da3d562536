"""A search engine that is not installed is fetched into an environment of its own, once."""

from __future__ import annotations

import sys

import pytest

from runner import engine_environment
from runner.errors import EnvironmentBuildError
from runner.events import EnvironmentReady, Event
from runner.model.space import Choice, Dimension, Space
from runner.model.sweep import Objective, Sweep
from runner.search import engines
from runner.search.engines import EngineMissing, Needs
from runner.search.protocol import Searcher
from tests.runner.environments.wheels import make_wheel
from tests.runner.environments.workshop import Workshop

SWEEP = Sweep(
    name="small",
    method="tpe",
    seed=1,
    max_trials=3,
    objectives=(Objective(metric="loss"),),
    space=Space(dimensions=(Dimension(name="x", domain=Choice(values=("a", "b"))),)),
)


def engine_needs(monkeypatch: pytest.MonkeyPatch, workshop: Workshop, module: str) -> None:
    """As if hyperopt were a package that only the wheels of this test have."""
    lines = ("--no-index", f"--find-links {workshop.wheels}", module)
    needs = Needs(modules=(module,), extra="tpe", requirements=lines)
    monkeypatch.setattr(engines, "NEEDS", {"hyperopt": needs})
    monkeypatch.setattr(sys, "path", list(sys.path))


def searcher(workshop: Workshop, events: list[Event]) -> Searcher:
    return engine_environment.searcher_for(
        SWEEP, cache_dir=workshop.cache_dir, environ=workshop.environ, listener=events.append
    )


def test_a_missing_engine_is_fetched_once_and_searches(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(workshop.wheels, "enginefetched")
    engine_needs(monkeypatch, workshop, "enginefetched")
    before = list(sys.path)
    events: list[Event] = []

    assert searcher(workshop, events).suggest(0) is not None
    assert sys.path[: len(before)] == before  # what is installed goes first
    assert str(workshop.cache_dir) in sys.path[-1]

    monkeypatch.setattr(sys, "path", before)
    again: list[Event] = []
    assert searcher(workshop, again).suggest(0) is not None
    assert [event for event in again if isinstance(event, EnvironmentReady)] == []


def test_an_engine_that_cannot_be_fetched_is_a_build_error(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_needs(monkeypatch, workshop, "enginenowhere")

    with pytest.raises(EnvironmentBuildError, match="enginenowhere"):
        searcher(workshop, [])


def test_an_engine_that_cannot_be_imported_even_so_is_missing(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(workshop.wheels, "engineother")
    engine_needs(monkeypatch, workshop, "engineother")
    needs = engines.NEEDS["hyperopt"]
    broken = Needs(modules=("enginemodule",), extra="tpe", requirements=needs.requirements)
    monkeypatch.setattr(engines, "NEEDS", {"hyperopt": broken})

    with pytest.raises(EngineMissing, match="enginemodule, which is not installed") as caught:
        searcher(workshop, [])

    assert "pip install 'runner[tpe]'" in str(caught.value.hint)


def test_a_search_that_needs_no_engine_builds_nothing(workshop: Workshop) -> None:
    events: list[Event] = []

    assert searcher(workshop, events).suggest(0) is not None  # hyperopt is installed for tests
    assert events == []
    assert not workshop.cache_dir.exists()
