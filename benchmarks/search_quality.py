"""Measures how good searches are, and how long they think: ours, hyperopt's `fmin`, Optuna, and chance.

    pip install '.[tpe,optuna]' scikit-learn && python benchmarks/search_quality.py

Three tables. The first: the distance of the best trial from the minimum after 50 and after 100 trials, over
30 seeds: the median, and the first and third quartile. The second: the epochs that a search trains on the
table until a trial is within 1 % of the best, with and without early stopping. The third: the time of one
suggestion with so many trials told before.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from objectives import Problem, Trainings, digits, problems

from runner.model.space import Choice, Dimension, Params, Range, Space
from runner.model.sweep import EarlyStop, Engine, Method, Objective, Sweep
from runner.search.engines import searcher_for
from runner.search.protocol import Told
from runner.search.stopping.rules import rule_for

CHECKPOINTS = (50, 100)
HISTORIES = (100, 1_000, 10_000)
WITHIN = 1.01
Search = Callable[[Problem, int, int], list[float]]
"""The losses of a search: of a problem, with a seed, of so many trials."""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", choices=["quality", "stopping", "speed"], help="one of the tables")
    parser.add_argument("--problem", help="only the problem of this name, in the first table")
    parser.add_argument("--json", type=Path, help="a file for every sample")
    options = parser.parse_args()
    samples: dict[str, object] = {}
    if options.only in (None, "quality"):
        samples["quality"] = quality(options.seeds, options.jobs, options.problem)
    if options.only in (None, "stopping"):
        samples["stopping"] = stopping(options.seeds)
    if options.only in (None, "speed"):
        samples["speed"] = speed()
    if options.json:
        options.json.write_text(json.dumps(samples, indent=1), encoding="utf-8")


def ours(method: Method, engine: Engine | None = None) -> Search:
    """A searcher of ours, with its trials one after the other."""

    def search(problem: Problem, seed: int, count: int) -> list[float]:
        searcher = searcher_for(_sweep(problem.space, method, engine, seed))
        losses: list[float] = []
        for number in range(count):
            params = searcher.suggest(number)
            if params is None:
                break
            searcher.add(number, params)
            losses.append(problem.loss(params))
            searcher.tell(number, Told(losses=(losses[-1],)))
        return losses

    return search


def by_fmin(problem: Problem, seed: int, count: int) -> list[float]:
    """Hyperopt as its documentation has it."""
    from hyperopt import Trials, fmin, hp, tpe

    def word(dimension: Dimension) -> object:
        name, domain = dimension.name, dimension.domain
        if isinstance(domain, Choice):
            return hp.choice(name, list(domain.values))
        assert isinstance(domain, Range)
        return hp.uniform(name, domain.minimum, domain.maximum)

    trials = Trials()
    space = {dimension.name: word(dimension) for dimension in problem.space.dimensions}
    rng = np.random.default_rng(seed)
    fmin(problem.loss, space, tpe.suggest, count, trials=trials, rstate=rng, verbose=False)
    return [float(loss) for loss in trials.losses()]


def by_optuna(problem: Problem, seed: int, count: int) -> list[float]:
    """Optuna as its documentation has it."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        params: dict[str, float] = {}
        for dimension in problem.space.dimensions:
            name, domain = dimension.name, dimension.domain
            if isinstance(domain, Choice):
                params[name] = trial.suggest_categorical(name, domain.values)
            else:
                assert isinstance(domain, Range)
                params[name] = trial.suggest_float(name, domain.minimum, domain.maximum)
        return problem.loss(params)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=count)
    return [trial.value or 0.0 for trial in study.trials]


SEARCHES: dict[str, Search] = {
    "runner tpe": ours("tpe"),
    "hyperopt fmin": by_fmin,
    "runner tpe, optuna": ours("tpe", "optuna"),
    "optuna": by_optuna,
    "runner random": ours("random"),
    "runner quasi_random": ours("quasi_random"),
    "runner anneal": ours("anneal"),
    "runner cma_es": ours("cma_es"),
}


def quality(seeds: int, jobs: int, only: str | None) -> dict[str, dict[str, list[list[float]]]]:
    """Prints how far from the minimum each search is; returns it by problem, search, checkpoint and seed."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    head = " | ".join(f"after {count}: median (quartiles)" for count in CHECKPOINTS)
    print(f"| problem | search | {head} |\n|---|---|{'---|' * len(CHECKPOINTS)}", flush=True)
    with ProcessPoolExecutor(jobs) as processes:
        for index, problem in enumerate(problems()):
            if only not in (None, problem.name):
                continue
            found[problem.name] = {}
            for name in SEARCHES:
                runs = list(processes.map(_regrets, [(index, name, seed) for seed in range(seeds)]))
                found[problem.name][name] = [list(column) for column in zip(*runs, strict=True)]
                cells = " | ".join(_quartiles(column) for column in found[problem.name][name])
                print(f"| {problem.name} | {name} | {cells} |", flush=True)
    return found


def _regrets(job: tuple[int, str, int]) -> list[float]:
    index, name, seed = job
    problem = problems()[index]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = SEARCHES[name](problem, seed, CHECKPOINTS[-1])
    return [min(losses[:count]) - problem.minimum for count in CHECKPOINTS]


RULES: dict[str, EarlyStop | None] = {
    "none": None,
    "median": EarlyStop(rule="median", min_step=3),
    "asha": EarlyStop(rule="asha", min_step=1, max_step=27, eta=3),
}


def stopping(seeds: int) -> dict[str, list[float]]:
    """Prints how many epochs a search needs to come within 1 % of the best training, under each rule."""
    trainings, found = digits(), {}
    print("\n| early stopping | search | epochs to within 1 % of the best: median (quartiles) | of none |")
    print("|---|---|---|---|")
    methods: tuple[Method, ...] = ("random", "tpe")
    for method in methods:
        for name, rule in RULES.items():
            epochs = [epochs_needed(trainings, method, rule, seed) for seed in range(seeds)]
            found[f"{method} {name}"] = epochs
            share = statistics.median(epochs) / statistics.median(found[f"{method} none"])
            print(f"| {name} | {method} | {_quartiles(epochs)} | {share:.2f} |", flush=True)
    return found


def epochs_needed(trainings: Trainings, method: Method, rule: EarlyStop | None, seed: int) -> float:
    """The epochs of all trials until one ends with a loss within 1 % of the best one's."""
    sweep = _sweep(trainings.space, method, None, seed, early_stop=rule)
    searcher, judge = searcher_for(sweep), rule_for(sweep)
    target, epochs, number = trainings.problem.minimum * WITHIN, 0, 0
    while (params := searcher.suggest(number)) is not None:
        searcher.add(number, params)
        loss = math.inf
        for epoch, loss in enumerate(trainings.curve(params), start=1):
            epochs += 1
            if judge is not None:
                judge.observe(number, [(epoch, loss)])
                if judge.is_due(number, epoch) and judge.judge(number) is not None:
                    break
        else:
            if loss <= target:
                break
        searcher.tell(number, Told(losses=(loss,)))
        number += 1
    return float(epochs)


def speed() -> dict[str, dict[int, float]]:
    """Prints the milliseconds of a suggestion, in a space of seven numbers."""
    space = Space(
        dimensions=tuple(
            Dimension(name=f"x{index}", domain=Range(minimum=0, maximum=1)) for index in range(7)
        )
    )
    found: dict[str, dict[int, float]] = {}
    for count in HISTORIES:
        for name, ms in _in_turns(dict(_suggestions(space, count))).items():
            found.setdefault(name, {})[count] = ms
    head = " | ".join(f"{count:,} trials" for count in HISTORIES)
    print(f"\n| ms for a suggestion after | {head} |\n|---|{'---|' * len(HISTORIES)}")
    for name, times in found.items():
        print(f"| {name} | {' | '.join(f'{ms:.1f}' for ms in times.values())} |", flush=True)
    return found


def _suggestions(space: Space, count: int) -> Iterator[tuple[str, Callable[[int], object]]]:
    yield "runner tpe", _ours(space, count, "tpe", None)
    yield "hyperopt tpe.suggest", _hyperopts(space, count)
    yield "runner tpe, optuna", _ours(space, count, "tpe", "optuna")
    yield "optuna ask", _optunas(space, count)
    yield "runner random", _ours(space, count, "random", None)
    yield "runner quasi_random", _ours(space, count, "quasi_random", None)
    yield "runner cma_es", _ours(space, count, "cma_es", None)


def _ours(space: Space, count: int, method: Method, engine: Engine | None) -> Callable[[int], object]:
    searcher = searcher_for(_sweep(space, method, engine, 0))
    for number, (params, loss) in enumerate(_history(space, count)):
        searcher.add(number, params)
        searcher.tell(number, Told(losses=(loss,)))
    return lambda turn: searcher.suggest(count + turn)


def _history(space: Space, count: int) -> Iterator[tuple[Params, float]]:
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield {name: float(generator.random()) for name in space.names}, float(generator.random())


def _hyperopts(space: Space, count: int) -> Callable[[int], object]:
    from hyperopt import JOB_STATE_DONE, STATUS_OK, Trials, hp, tpe
    from hyperopt.base import Domain

    domain = Domain(lambda _: None, {name: hp.uniform(name, 0, 1) for name in space.names})
    trials = Trials()
    for number, (params, loss) in enumerate(_history(space, count)):
        misc = {
            "tid": number,
            "cmd": None,
            "workdir": None,
            "idxs": {name: [number] for name in params},
            "vals": {name: [value] for name, value in params.items()},
        }
        (document,) = trials.new_trial_docs([number], [None], [{"status": STATUS_OK, "loss": loss}], [misc])
        document["state"] = JOB_STATE_DONE
        trials.insert_trial_docs([document])
    trials.refresh()
    return lambda turn: tpe.suggest([count + turn], domain, trials, turn, verbose=False)


def _optunas(space: Space, count: int) -> Callable[[int], object]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    words = {name: optuna.distributions.FloatDistribution(0, 1) for name in space.names}
    for params, loss in _history(space, count):
        study.add_trial(optuna.create_trial(params=dict(params), distributions=dict(words), value=loss))
    return lambda _: study.ask(dict(words))


def _in_turns(calls: dict[str, Callable[[int], object]], turns: int = 7) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(1 + turns):
        for name, call in calls.items():
            start = time.perf_counter()
            call(turn)
            taken[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def _quartiles(values: list[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.4g} ({low:.4g} to {high:.4g})"


def _sweep(
    space: Space,
    method: Method,
    engine: Engine | None,
    seed: int,
    early_stop: EarlyStop | None = None,
) -> Sweep:
    return Sweep(
        name="search",
        method=method,
        engine=engine,
        objectives=(Objective(metric="loss"),),
        space=space,
        seed=seed,
        early_stop=early_stop,
    )


if __name__ == "__main__":
    main()
