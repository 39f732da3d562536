"""Where our autologging deliberately logs something else than MLflow's: what, and why.

A difference names a case of a session and a place in what is compared. What both sides have there is held, so
that it hides nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.tracking_client.integrations.keras_session import AMOUNTS, FEATURES
from tests.tracking_client.integrations.logged_runs import Place
from tracking_client import data


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In `case`, at `place` (run, kind, name), MLflow has `theirs` and we have `ours`; None: nothing."""

    session: str
    case: str
    place: Place
    theirs: Any
    ours: Any
    why: str


_STEPS = "MLflow logs every validation at step 0, over the one before; its time in the training says more."
_CANDIDATE = (
    "A candidate's parts are shown as they were tried; MLflow shows those that the search began with."
)
_SECOND = (
    "The second training of a run is logged as far as it does not contradict the first; MLflow logs its metrics, "
    "then gives up on parameters and tags."
)
_KERAS_SECOND = "As with scikit-learn; MLflow logs nothing of the second training."
_VALIDATED = data.from_numpy(FEATURES[:4], targets=AMOUNTS[:4])
_PIPELINE = "[('standardscaler', StandardScaler()), ('svc', SVC({}))]"


def _steps(case: str, theirs: list[int], ours: list[int]) -> list[Difference]:
    return [
        Difference(
            session="keras_session",
            case=case,
            place=(0, "metric", f"validation_{name}"),
            theirs=theirs,
            ours=ours,
            why=_STEPS,
        )
        for name in ("loss", "mae")
    ]


def _candidate(number: int, strength: str) -> list[Difference]:
    given = f"C={strength}"
    pairs = {"steps": _PIPELINE.format, "svc": "SVC({})".format}
    return [
        Difference(
            session="sklearn_session",
            case="search_without_a_best_model",
            place=(number, "param", name),
            theirs=show(""),
            ours=show(given),
            why=_CANDIDATE,
        )
        for name, show in pairs.items()
    ]


def _second(kind: str, name: str, theirs: str | None, ours: str) -> Difference:
    return Difference(
        session="sklearn_session",
        case="two_in_one_run",
        place=(0, kind, name),
        theirs=theirs,
        ours=ours,
        why=_SECOND,
    )


DIFFERENCES: tuple[Difference, ...] = (
    *_candidate(1, "1"),
    *_candidate(2, "1e-05"),
    _second("param", "alpha", None, "1.0"),
    _second("param", "max_iter", None, "None"),
    _second("param", "random_state", None, "None"),
    _second("param", "solver", None, "auto"),
    _second("tag", "estimator_name", "LinearRegression", "Ridge"),
    _second(
        "tag",
        "estimator_class",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.linear_model._ridge.Ridge",
    ),
    *_steps("callback_by_epochs", [0, 0, 0], [0, 1, 2]),
    *_steps("callback_by_steps", [0, 0, 0], [4, 8, 12]),
    *_steps("training", [0, 0], [0, 1]),
    Difference(
        session="keras_session",
        case="training",
        place=(0, "data", f"{_VALIDATED.digest} {{'mlflow.data.context': 'eval'}}"),
        theirs=None,
        ours=[
            _VALIDATED.name,
            "code",
            json.dumps(_VALIDATED.schema),
            json.dumps(_VALIDATED.profile),
        ],
        why="The data that a training is validated on is recorded, as by MLflow's TensorFlow integration; its "
        "Keras integration trips over the pair.",
    ),
    *(
        Difference(
            session="keras_session",
            case="two_in_one_run",
            place=(0, "metric", name),
            theirs=[0, 1],
            ours=[0, 1, 0],
            why=_KERAS_SECOND,
        )
        for name in ("loss", "mae")
    ),
)
