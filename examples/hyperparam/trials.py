"""What both searches share: launching trials as nested runs, and the books that the parent run keeps."""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import runner
import tracking_client

PROJECT = str(Path(__file__).parent)

Params = Mapping[str, float]
Ask = Callable[[int], Params]
"""Gives the params of trial number n, from 0."""
Tell = Callable[[int, "float | None"], None]
"""Takes the value of trial number n, None where it failed; called in the order of the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a search was asked for. `fixed` are the parameters that all its trials share."""

    max_runs: int
    parallel: int
    metric: str
    seed: int
    fixed: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial that is over. `value` is None where it failed; then `failure` says why."""

    name: str
    run_id: str
    params: Params
    metrics: Mapping[str, float]
    value: float | None
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A trial that is running."""

    number: int
    name: str
    params: Params
    run: runner.SubmittedRun


def read_options(description: str) -> Options:
    """The options of a search, from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--training-data", default="", help="a CSV file; by default, scikit-learn's diabetes")
    parser.add_argument("--target", default="", help="the column to predict; by default, the last one")
    parser.add_argument("--max-runs", type=int, default=12, help="trials, not counting the baseline")
    parser.add_argument("--epochs", type=int, default=32, help="epochs of each trial")
    parser.add_argument("--parallel", type=int, default=1, help="trials that run side by side")
    parser.add_argument("--metric", default="best_val_rmse", help="what to minimise")
    parser.add_argument("--seed", type=int, default=97531, help="of the search and of every training")
    given = vars(parser.parse_args())
    own = {name: given.pop(name) for name in ("max_runs", "parallel", "metric")}
    fixed = {name: value for name, value in given.items() if value != ""}
    return Options(**own, seed=given["seed"], fixed=fixed)


def search(options: Options, ask: Ask, tell: Tell, *, horizon: int) -> None:
    """Runs the baseline, then all trials; each is a child of this run, which shows the best so far.

    Trial n is asked for right after trial n - `horizon` was told. So what a suggestion knows never depends on
    which trial happened to end first: with one seed and one `horizon`, a search always makes the same trials.
    With a `horizon` above `parallel`, a slow trial holds up fewer of those after it.

    A failed trial does not end the search. Exits with a message where the baseline failed, or every trial.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tracking_client.start_run():
            books = Books(options)
            books.open(_baseline(options))
            with closing(_trials(options, ask, horizon)) as trials:
                for number, trial in enumerate(trials):
                    tell(number, trial.value)
                    books.enter(trial)
            books.close()
    except KeyboardInterrupt:
        sys.exit("stopped; the trials that were running have been ended")
    except runner.RunnerError as error:
        sys.exit(f"the search cannot go on: {error}")


def _baseline(options: Options) -> Trial:
    launched = _launch(-1, {"epochs": 0}, options, name="baseline")
    try:
        return _result(launched, options)
    except BaseException:
        launched.run.cancel()
        raise


def _trials(options: Options, ask: Ask, horizon: int) -> Generator[Trial, None, None]:
    """The trials in the order of their numbers, each as soon as it and all before it are over."""
    asked: deque[tuple[int, Params]] = deque()
    running: dict[Future[Trial], Launched] = {}
    over: dict[int, Trial] = {}
    to_ask = to_tell = 0
    with ThreadPoolExecutor(options.parallel) as threads:
        try:
            while to_tell < options.max_runs:
                while to_ask < min(to_tell + horizon, options.max_runs):
                    asked.append((to_ask, ask(to_ask)))
                    to_ask += 1
                while asked and len(running) < options.parallel:
                    number, params = asked.popleft()
                    launched = _launch(number, params, options, name=f"trial-{number + 1:02}")
                    running[threads.submit(_result, launched, options)] = launched
                if to_tell in over:
                    yield over.pop(to_tell)
                    to_tell += 1
                else:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        over[running.pop(future).number] = future.result()
        finally:
            # Some are still running only where something went wrong, or where somebody wants to stop.
            with ThreadPoolExecutor() as cancelling:
                list(cancelling.map(lambda launched: launched.run.cancel(), running.values()))


def _launch(number: int, params: Params, options: Options, *, name: str) -> Launched:
    parameters = {**options.fixed, **params}
    run = runner.run(PROJECT, "train", parameters=parameters, run_name=name, synchronous=False)
    return Launched(number=number, name=name, params=params, run=run)


def _result(launched: Launched, options: Options) -> Trial:
    """Waits for the trial. One that broke, or gave no number to compare, has failed."""
    metrics: Mapping[str, float] = {}
    try:
        outcome = launched.run.outcome()
        failure = outcome.reason
    except runner.ProvisionError as error:
        failure = str(error)
    else:
        metrics = tracking_client.TrackingClient().get_run(launched.run.run_id).data.metrics
    value = metrics.get(options.metric)
    if not failure and (value is None or not math.isfinite(value)):
        failure = f"its {options.metric} is {value}"
    return Trial(
        name=launched.name,
        run_id=launched.run.run_id,
        params=launched.params,
        metrics=metrics,
        value=None if failure else value,
        failure=failure,
    )


class Books:
    """What the parent run shows: the best trial so far after each trial, and who it was.

    Its metrics have the number of trials that are over as their step.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._best: Trial | None = None
        self._baseline = math.nan
        self._finished = 0
        self._failures: list[Trial] = []

    def open(self, baseline: Trial) -> None:
        """Notes what the search has to beat. Exits where the baseline failed: so would every trial."""
        metric = self._options.metric
        if baseline.value is None:
            known = f"; it has {', '.join(sorted(baseline.metrics))}" if baseline.metrics else ""
            sys.exit(f"the baseline failed (run {baseline.run_id}): {baseline.failure}{known}")
        self._baseline = baseline.value
        tracking_client.log_metric(f"baseline_{metric}", self._baseline, step=0)
        # The page of the search compares its trials by what is declared here.
        tracking_client.set_tags(
            {"baseline_run": baseline.run_id, "runner.sweep.objective": f"{metric} minimize"}
        )
        print(f"baseline: {metric} {self._baseline:.6g}", flush=True)

    def enter(self, trial: Trial) -> None:
        """Notes the end of a trial."""
        if trial.value is None:
            self._failures.append(trial)
        else:
            self._finished += 1
            if self._best is None or self._best.value is None or trial.value < self._best.value:
                self._best = trial
                tracking_client.set_tags({"best_run": trial.run_id, "best_run_name": trial.name})
        tracking_client.log_metrics(
            {
                **self._best_metrics(),
                "trials_finished": self._finished,
                "trials_failed": len(self._failures),
            },
            step=self._finished + len(self._failures),
        )
        print(self._line(trial), flush=True)

    def close(self) -> None:
        """Notes the winner. Exits with a message where every trial failed."""
        if self._best is None or self._best.value is None:
            last = self._failures[-1]
            sys.exit(f"all {len(self._failures)} trials failed; the last (run {last.run_id}): {last.failure}")
        best = self._best.value
        tracking_client.log_params({f"best_{name}": value for name, value in self._best.params.items()})
        verdict = "better" if best < self._baseline else "NOT better"
        print(
            f"best: {self._best.name} (run {self._best.run_id}), {self._options.metric} {best:.6g}, "
            f"{verdict} than the baseline's {self._baseline:.6g}; {len(self._failures)} failed"
        )

    def _best_metrics(self) -> dict[str, float]:
        if self._best is None:
            return {}
        wanted = {self._options.metric}
        return {k: v for k, v in self._best.metrics.items() if k in wanted or k.startswith("best_")}

    def _line(self, trial: Trial) -> str:
        values = " ".join(f"{name}={value:.4g}" for name, value in trial.params.items())
        metric = self._options.metric
        what = f"failed: {trial.failure}" if trial.value is None else f"{metric} {trial.value:.6g}"
        best = f" (best so far: {self._best.name})" if self._best else ""
        return f"{trial.name} of {self._options.max_runs}: {values}: {what}{best}"
