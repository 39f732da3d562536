"""What a parameter search found: its best candidate in the run, and candidates as runs of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from tracking_client import checks, provenance
from tracking_client.data.dataset import Dataset
from tracking_client.integrations import training_data
from tracking_client.integrations.autologging import AUTOLOGGING_TAG, Autologging
from tracking_client.integrations.sklearn_naming import estimator_tags
from tracking_client.integrations.training import log_new_params
from tracking_client.run import ActiveRun
from tracking_client.wire import names
from tracking_client.wire.entities import RunStatus

BEST_SCORE = "best_cv_score"
RESULTS_FILE = "cv_results.csv"

_NOT_MEASURED = ("param", "split")


def is_search(estimator: Any) -> bool:
    """Whether this is a parameter search, such as GridSearchCV."""
    from sklearn.model_selection._search import BaseSearchCV

    return isinstance(estimator, BaseSearchCV)


def log_search(
    run: ActiveRun,
    search: Any,
    *,
    dataset: Dataset | None,
    started_ms: int,
    max_tuning_runs: int | None,
    settings: Autologging,
) -> None:
    """Logs the best parameters and score, all results as a table, and the best candidates as child runs.

    `max_tuning_runs` is the number of children, None for all. They begin and end with the search.
    """
    best = getattr(search, "best_params_", {})
    log_new_params(run, {f"best_{name}": value for name, value in best.items()}, settings)
    if hasattr(search, "best_score_"):
        run.log_metrics({BEST_SCORE: search.best_score_})
    results = getattr(search, "cv_results_", None)
    if results is None:
        return
    with settings.without_harm(RESULTS_FILE):
        run.client.log_text(run.info.run_id, _table(results), RESULTS_FILE)
    for candidate in _best_candidates(search, results, max_tuning_runs):
        with settings.without_harm("a candidate of the search"):
            _log_candidate(run, search, results, candidate, dataset, started_ms, settings)


def _best_candidates(search: Any, results: Mapping[str, Any], most: int | None) -> list[int]:
    """The numbers of the best candidates, best first; equals in the order in which they were tried."""
    count = len(results["params"])
    chosen = f"rank_test_{search.refit if isinstance(search.refit, str) else 'score'}"
    rank = chosen if chosen in results else next((name for name in results if name.startswith("rank_")), None)
    order = sorted(range(count), key=lambda number: 0 if rank is None else results[rank][number])
    return order if most is None else order[: max(0, most)]


def _log_candidate(
    parent: ActiveRun,
    search: Any,
    results: Mapping[str, Any],
    number: int,
    dataset: Dataset | None,
    started_ms: int,
    settings: Autologging,
) -> None:
    from sklearn.base import clone

    tags = {
        **provenance.default_tags(),
        AUTOLOGGING_TAG: settings.framework,
        names.PARENT_RUN_ID: parent.info.run_id,
        **estimator_tags(search.estimator),
    }
    made = parent.client.create_run(parent.info.experiment_id, started_ms, tags)
    child = ActiveRun(made, parent.client)
    candidate = clone(search.estimator).set_params(**clone(results["params"][number], safe=False))
    log_new_params(child, candidate.get_params(deep=True), settings)
    measured = {
        name: float(values[number])
        for name, values in results.items()
        if not name.startswith(_NOT_MEASURED) and _is_number(values[number])
    }
    child.log_metrics(measured, timestamp=checks.now_ms())
    if dataset is not None:
        training_data.log_dataset(child, dataset, training_data.TRAIN)
    child.terminate(RunStatus.FINISHED)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str)


def _table(results: Mapping[str, Any]) -> str:
    """A row for each candidate; what a candidate has no value of is left empty."""
    import numpy as np

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(results)
    for row in zip(*results.values(), strict=True):
        table.writerow("" if np.ma.is_masked(value) else value for value in row)
    return text.getvalue()


__all__ = ["BEST_SCORE", "RESULTS_FILE", "is_search", "log_search"]
