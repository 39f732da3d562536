"""Trials are stopped by what they log, whenever one looks, and whatever the server does meanwhile."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from runner.events import Event, TrialProgress, Warned
from runner.model.sweep import EarlyStop, Objective, Sweep
from runner.search.stopping.protocol import Verdict
from runner.search.stopping.rules import rule_for
from runner.sweeping.watching import Watch, Watcher
from tests.runner.sweeping.trials import Trials
from tests.tracking_client.proxy import running_proxy
from tests.tracking_client.servers import stop_server, wait_until
from tracking_client.client import TrackingClient
from tracking_client.tracking_uri import LocalStore

ASHA = EarlyStop(rule="asha", eta=2, min_step=2, min_trials=1)


@dataclass
class Seen:
    """A watcher, what it stopped and what it said."""

    watcher: Watcher
    stopped: list[tuple[int, Verdict]]
    news: list[Event]

    def numbers(self) -> list[int]:
        return [number for number, _ in self.stopped]

    def warnings(self) -> list[str]:
        return [event.message for event in self.news if isinstance(event, Warned)]


def watching(trials: Trials, early_stop: EarlyStop | None = ASHA, *, interval_s: float = 0.02) -> Seen:
    objective = Objective(metric="loss")
    sweep = Sweep(name="search", objectives=(objective,), early_stop=early_stop)
    stopped: list[tuple[int, Verdict]] = []
    news: list[Event] = []
    watch = Watch(
        client=trials.client,
        parent_run_id=trials.parent_run_id,
        experiment_id=trials.experiment_id,
        objective=objective,
        rule=rule_for(sweep),
        stop=lambda number, verdict: stopped.append((number, verdict)),
        listener=news.append,
        interval_s=interval_s,
    )
    return Seen(Watcher(watch), stopped, news)


def test_a_trial_is_stopped_at_the_rung_where_it_fell_behind(trials: Trials) -> None:
    seen = watching(trials)
    for number in (0, 1):
        trials.begin(number)
    trials.log(0, [5.0, 1.0])
    trials.log(1, [4.0, 2.0, 0.5, 0.4, 0.9])

    seen.watcher.look()
    seen.watcher.look()

    assert seen.numbers() == [1]
    verdict = seen.stopped[0][1]
    assert (verdict.rule, verdict.step, verdict.rung) == ("asha", 2, 0)


def test_what_ended_between_two_looks_counts(trials: Trials) -> None:
    seen = watching(trials)
    trials.begin(0)
    trials.log(0, [1.0, 1.0])
    seen.watcher.ended(0, trials.end(0))
    trials.begin(1)
    trials.log(1, [2.0, 2.0])

    seen.watcher.look()

    assert seen.numbers() == [1]


def test_the_baseline_is_no_rival(trials: Trials) -> None:
    seen = watching(trials)
    trials.begin(-1)
    trials.log(-1, [1.0, 1.0])
    seen.watcher.ended(-1, trials.end(-1))
    trials.begin(0)
    trials.log(0, [2.0, 2.0])

    seen.watcher.look()

    assert seen.numbers() == []


def test_a_deleted_trial_counts_no_more(trials: Trials) -> None:
    seen = watching(trials)
    seen.watcher.ended(7, "0" * 32)
    trials.begin(1)
    trials.log(1, [2.0, 2.0])

    seen.watcher.look()

    assert seen.numbers() == []


def test_only_running_trials_of_this_sweep_are_stopped(trials: Trials) -> None:
    seen = watching(trials)
    other = Trials(
        trials.client, trials.experiment_id, trials.client.create_run(trials.experiment_id).info.run_id
    )
    trials.begin(0)
    trials.log(0, [1.0, 1.0])
    for sweep, number in ((other, 1), (trials, 2)):
        sweep.begin(number)
        sweep.log(number, [9.0, 9.0])
    trials.end(2, "FAILED")

    seen.watcher.look()

    assert seen.numbers() == []


def test_another_attempt_is_judged_by_its_own_values(trials: Trials) -> None:
    seen = watching(trials)
    trials.begin(0)
    trials.log(0, [1.0, 1.0])
    trials.begin(1)
    trials.log(1, [9.0])
    seen.watcher.look()
    trials.begin(1, attempt=1)
    trials.log(1, [0.5])
    seen.watcher.look()
    trials.log(1, [0.5], first_step=2)
    seen.watcher.look()

    assert seen.numbers() == []


def test_the_progress_of_the_objective_is_told_once_each(trials: Trials) -> None:
    seen = watching(trials, None)
    trials.begin(0)
    trials.log(0, [3.0, 2.5])
    trials.log(0, [1.0], key="other")
    seen.watcher.look()
    seen.watcher.look()
    trials.log(0, [2.0], first_step=3)
    seen.watcher.look()

    assert seen.news == [
        TrialProgress(number=0, step=2, value=2.5),
        TrialProgress(number=0, step=3, value=2.0),
    ]


def test_a_metric_without_steps_is_said_to_stop_nobody(trials: Trials) -> None:
    seen = watching(trials, EarlyStop(rule="asha", min_step=1))
    trials.begin(0)
    for value in (3.0, 2.0):
        trials.log(0, [value], first_step=0)
    seen.watcher.ended(0, trials.end(0))

    seen.watcher.look()

    assert seen.warnings() == [
        "no trial can be stopped early: 'loss' is logged without a step; pass step= to log_metric"
    ]


def test_all_running_trials_are_seen_beyond_one_page(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracking_client import runs

    monkeypatch.setattr(runs, "RUNS_PER_PAGE", 2)
    seen = watching(trials)
    for number in range(7):
        trials.begin(number)
        trials.log(number, [1.0 + number, 1.0 + number])

    seen.watcher.look()

    assert {event.number for event in seen.news if isinstance(event, TrialProgress)} == set(range(7))
    assert seen.numbers() == [3, 4, 5, 6]


def test_the_thread_waits_for_a_server_that_is_away_and_ends_when_told(
    trials: Trials, store: LocalStore
) -> None:
    seen = watching(trials)
    trials.begin(0)
    trials.log(0, [1.0, 1.0])
    seen.watcher.start()
    wait_until(lambda: seen.news, "the first trial was seen")

    stop_server(store, signal.SIGKILL)
    trials.begin(1)
    trials.log(1, [2.0, 2.0])
    wait_until(lambda: seen.numbers() == [1], "the second trial was stopped")
    seen.watcher.close()

    assert not seen.watcher._thread.is_alive()
    assert seen.warnings() == []


def test_a_watcher_that_never_began_can_be_closed(trials: Trials) -> None:
    watching(trials).watcher.close()


def test_where_the_server_refuses_it_is_said_that_nobody_is_stopped(trials: Trials) -> None:
    with running_proxy() as proxy:
        proxy.plan = [(403, {}, b'{"error_code": "PERMISSION_DENIED", "message": "not yours"}')]
        away = Trials(TrackingClient(proxy.url), trials.experiment_id, trials.parent_run_id)
        seen = watching(away)
        seen.watcher.start()
        wait_until(lambda: not seen.watcher._thread.is_alive(), "the watcher gave up")

    (warning,) = seen.warnings()
    assert warning.startswith("trials are no longer watched, and none is stopped early: ")
    assert "not yours" in warning
