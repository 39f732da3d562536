"""Hyperopt's algorithms behind ask and tell: equal to `fmin`, bit for bit, where trials run one by one.

What `fmin` does that we keep: suggestion n has the nth seed of `default_rng(seed).integers(2**31 - 1)`, and
all trials before it are its history. What we do otherwise, because trials here run side by side and fail:

- only trials that are over end the random beginning; hyperopt would count running ones too, and a wide sweep
  would leave it without a single result;
- a running trial is bad news, as a failed one is: so the next suggestion is elsewhere;
- an objective that is no finite number is a failure. Hyperopt drops NaN without a word, and learns nothing.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import numpy as np
from hyperopt import JOB_STATE_DONE, JOB_STATE_RUNNING, STATUS_FAIL, STATUS_NEW, STATUS_OK, Trials, rand

from runner.model.space import Params, Space
from runner.model.sweep import Sweep
from runner.search.draws import SEED_RANGE, derived_seed
from runner.search.hyperopt_space import HyperoptSpace
from runner.search.hyperopt_tpe import Observations, Tpe
from runner.search.losses import loss_of
from runner.search.protocol import Told

Document = dict[str, Any]
_EPOCH = datetime.fromtimestamp(0, tz=timezone.utc)
Algorithm = Callable[[list[int], Any, "History", int], list[Document]]


class HyperoptEngine:
    """What a hyperopt algorithm proposes. An `Engine`.

    `first` is the number of the first suggestion that is not an initial point: as in `fmin`, those have no
    seed. Until `startup_trials` are over, and as long as all failed, proposals are random. With
    `ignore_failures` a failed trial teaches nothing, as if it had never been.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        algorithm: Algorithm,
        *,
        first: int = 0,
        startup_trials: int = 0,
        ignore_failures: bool = False,
    ) -> None:
        self._space = HyperoptSpace(space)
        self._seed = seed
        self._seeds = _seeds(seed)
        self._drawn_seeds: list[int] = []
        self._algorithm = algorithm
        self._first = first
        self._startup_trials = startup_trials
        self._ignore_failures = ignore_failures
        self._history = History()

    def propose(self, number: int, attempt: int) -> Params:
        """See `Engine.propose`."""
        if self._space.is_empty:
            return self._space.params_of({})
        algorithm = self._algorithm if self._knows_enough else rand.suggest
        document = algorithm([number], self._space.domain, self._history, self._seed_of(number, attempt))[0]
        return self._space.params_of(document["misc"]["vals"])

    @property
    def _knows_enough(self) -> bool:
        history = self._history
        return history.over >= self._startup_trials and (history.succeeded > 0 or not history.over)

    def _seed_of(self, number: int, attempt: int) -> int:
        index = number - self._first
        if attempt or index < 0:
            return derived_seed(self._seed, number, attempt)
        while len(self._drawn_seeds) <= index:
            self._drawn_seeds.append(next(self._seeds))
        return self._drawn_seeds[index]

    def add(self, number: int, params: Params) -> None:
        """See `Engine.add`."""
        self._history.add(_document(number, self._space.raw_of(params)))

    def tell(self, number: int, told: Told) -> None:
        """See `Engine.tell`."""
        loss = loss_of(told)
        if told.is_void or (loss is None and self._ignore_failures):
            self._history.forget(number)
        else:
            self._history.end(number, loss)

    def learn(self, history: Sequence[tuple[Params, Told]]) -> None:
        """See `Engine.learn`. Values outside today's space are left out, the others of the trial count."""
        # Older than every trial of this sweep: hyperopt forgets by number.
        for number, (params, told) in enumerate(history, start=-len(history)):
            raw = self._space.raw_of(params)
            if any(raw.values()) and (loss := loss_of(told)) is not None:
                self._history.add(_document(number, raw))
                self._history.end(number, loss)


def engine_for(sweep: Sweep, seed: int, options: Mapping[str, Any]) -> HyperoptEngine:
    """The engine of a sweep whose method is one of hyperopt's. `options` are checked."""
    options = dict(options)
    startup_trials = options.pop("n_startup_trials", 0)
    return HyperoptEngine(
        sweep.space,
        seed,
        _ALGORITHMS[sweep.method](options),
        first=len(sweep.initial_points),
        startup_trials=startup_trials,
        ignore_failures=sweep.on_failure == "ignore",
    )


def tpe_algorithm(options: Mapping[str, Any]) -> Algorithm:
    """Tree-structured Parzen estimators. `options`: n_ei_candidates, gamma, prior_weight."""
    of: dict[int, Tpe] = {}

    def suggest(numbers: list[int], domain: Any, history: History, seed: int) -> list[Document]:
        if id(domain) not in of:
            of[id(domain)] = Tpe(domain, **options)
        return of[id(domain)].suggest(numbers[0], history.observations, history, seed)

    return suggest


def anneal_algorithm(options: Mapping[str, Any]) -> Algorithm:
    """Random steps around the best, ever shorter. `options`: avg_best_idx, shrink_coef."""
    from hyperopt import anneal

    def suggest(numbers: list[int], domain: Any, trials: History, seed: int) -> list[Document]:
        documents: list[Document] = anneal.suggest(numbers, domain, trials, seed, **options)
        return documents

    return suggest


def adaptive_tpe_algorithm(_: Mapping[str, Any]) -> Algorithm:
    """TPE whose options are chosen, for each suggestion, by models of how searches went elsewhere."""
    from hyperopt import atpe

    def suggest(numbers: list[int], domain: Any, trials: History, seed: int) -> list[Document]:
        if not trials.succeeded:
            return random_algorithm({})(numbers, domain, trials, seed)
        with _global_seed(seed), warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # of correlations with parameters that were the same in all trials
            documents: list[Document] = atpe.suggest(numbers, domain, trials.all_with_loss(), seed)
        return documents

    return suggest


def random_algorithm(_: Mapping[str, Any]) -> Algorithm:
    """Hyperopt's own random search."""
    suggest: Algorithm = rand.suggest
    return suggest


_ALGORITHMS: Mapping[str, Callable[[Mapping[str, Any]], Algorithm]] = {
    "tpe": tpe_algorithm,
    "anneal": anneal_algorithm,
    "adaptive_tpe": adaptive_tpe_algorithm,
    "random": random_algorithm,
}


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    # Adaptive TPE ignores its seed and draws from the generators that a whole process shares.
    ours, numpys = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)


def _seeds(seed: int) -> Iterator[int]:
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(SEED_RANGE))


def _document(number: int, raw: Mapping[str, Sequence[float]]) -> Document:
    return {
        "tid": number,
        "state": JOB_STATE_RUNNING,
        "spec": None,
        "result": {"status": STATUS_NEW},
        "misc": {
            "tid": number,
            "cmd": None,
            "workdir": None,
            "idxs": {name: [number] * len(values) for name, values in raw.items()},
            "vals": dict(raw),
        },
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


class History(Trials):  # type: ignore[misc] # hyperopt has no annotations
    """The trials that an algorithm sees, without the copying that hyperopt's own class does."""

    def __init__(self) -> None:
        super().__init__()
        self._trials = self._dynamic_trials
        self.observations = Observations()
        self._by_number: dict[int, Document] = {}
        self.over = 0
        self.succeeded = 0

    def add(self, document: Document) -> None:
        """A trial begins."""
        self._by_number[document["tid"]] = document
        self._trials.append(document)
        self.observations.add(document["tid"], document["misc"]["vals"])

    def end(self, number: int, loss: float | None) -> None:
        """A trial is over; without a loss, it failed."""
        document = self._by_number[number]
        document["state"] = JOB_STATE_DONE
        document["result"] = (
            {"status": STATUS_FAIL} if loss is None else {"status": STATUS_OK, "loss": float(loss)}
        )
        if loss is not None:
            self.observations.end(number, float(loss))
        self.over += 1
        self.succeeded += loss is not None

    def all_with_loss(self) -> Trials:
        """The same trials, without a loss the worst one: adaptive TPE insists on one, and on times."""
        losses = [document["result"].get("loss") for document in self._trials]
        worst = max(loss for loss in losses if loss is not None)
        trials = Trials()
        trials._trials = [
            {
                **document,
                "result": {"status": STATUS_OK, "loss": worst if loss is None else loss},
                "book_time": _EPOCH,
                "refresh_time": _EPOCH,
            }
            for document, loss in zip(self._trials, losses, strict=True)
        ]
        return trials

    def forget(self, number: int) -> None:
        """It never was."""
        self._trials.remove(self._by_number.pop(number))
        self.observations.forget(number)
