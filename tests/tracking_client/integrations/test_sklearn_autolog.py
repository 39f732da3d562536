"""scikit-learn autologging where it could be in the way: failures, threads, nesting, launched programs."""

from __future__ import annotations

import inspect
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import tracking_client as tracking
from tests.tracking_client.scripts import Scripts
from tracking_client import starting
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.integrations import autologging
from tracking_client.wire.entities import Run

FEATURES = np.random.RandomState(0).rand(40, 3)
CLASSES = (FEATURES[:, 0] > 0.5).astype(int)

Runs = Callable[[], list[Run]]


@pytest.fixture(autouse=True)
def _autologging(runs: Runs) -> Iterator[None]:
    del runs
    tracking.sklearn.autolog(log_models=False)
    yield
    assert tracking.active_run() is None


class _Own(BaseEstimator, TransformerMixin, ClassifierMixin):  # type: ignore[misc]  # sklearn has no types
    """An estimator of the user's, which is none of scikit-learn's."""

    def fit(self, X: Any, y: Any = None) -> _Own:  # noqa: N803  # scikit-learn's name
        LogisticRegression().fit(FEATURES, CLASSES)
        return self


class _Derived(LogisticRegression):  # type: ignore[misc]  # sklearn has no types
    """A class of scikit-learn's, by another name."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> _Derived:  # noqa: N803  # scikit-learn's
        super().fit(X, y, sample_weight)
        return self


def test_what_fit_returns_is_what_it_returned(runs: Runs) -> None:
    model = LinearRegression()
    assert model.fit(FEATURES, CLASSES) is model
    assert make_pipeline(StandardScaler(), LinearRegression()).fit(FEATURES, CLASSES).predict(FEATURES).shape
    assert [run.info.status for run in runs()] == ["FINISHED", "FINISHED"]


def test_signatures_documentation_and_pickles_are_as_before() -> None:
    assert list(inspect.signature(LogisticRegression.fit).parameters) == ["self", "X", "y", "sample_weight"]
    assert "Fit the model" in (LogisticRegression.fit.__doc__ or "")
    assert not hasattr(SVC(), "transform")
    assert not hasattr(make_pipeline(SVC()), "transform")
    again = pickle.loads(pickle.dumps(LogisticRegression().fit(FEATURES, CLASSES)))
    assert again.score(FEATURES, CLASSES) > 0.5


def test_an_error_of_the_training_is_the_users_to_see_and_fails_the_run(runs: Runs) -> None:
    with pytest.raises(ValueError, match="must be a float in the range"):
        LogisticRegression(C=-1.0).fit(FEATURES, CLASSES)
    (run,) = runs()
    assert run.info.status == "FAILED"
    assert run.data.params["C"] == "-1.0"


def test_an_interrupt_ends_the_run_as_killed(runs: Runs) -> None:
    def interrupting(_features: Any) -> Any:
        raise KeyboardInterrupt

    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(KeyboardInterrupt):
        make_pipeline(FunctionTransformer(interrupting), LogisticRegression()).fit(FEATURES, CLASSES)
    assert [run.info.status for run in runs()] == ["KILLED"]


def test_a_search_with_weights_has_a_score(runs: Runs) -> None:
    GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2).fit(FEATURES, CLASSES, sample_weight=np.ones(40))
    assert "training_score" in next(run for run in runs() if "best_alpha" in run.data.params).data.metrics


def test_an_interrupt_while_logging_ends_the_run_as_killed(runs: Runs) -> None:
    class Slow(LinearRegression):  # type: ignore[misc]  # sklearn has no types
        def score(self, *_data: Any, **_options: Any) -> float:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Slow().fit(FEATURES, CLASSES)
    assert [run.info.status for run in runs()] == ["KILLED"]


def test_a_training_that_makes_up_for_another_error_ends_well(runs: Runs) -> None:
    try:
        raise LookupError
    except LookupError:
        LinearRegression().fit(FEATURES, CLASSES)
    assert [run.info.status for run in runs()] == ["FINISHED"]


def test_a_server_that_refuses_everything_does_not_fail_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "99999999")
    model = LogisticRegression().fit(FEATURES, CLASSES)
    assert model.score(FEATURES, CLASSES) > 0.5
    assert "tracking: sklearn autologging: the training could not be logged: NotFound" in (
        capsys.readouterr().err
    )


def test_what_goes_wrong_while_logging_is_said_and_the_rest_is_logged(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Odd(LinearRegression):  # type: ignore[misc]  # sklearn has no types
        def get_params(self, deep: bool = True) -> Any:
            if deep:
                raise RuntimeError("cannot say")
            return super().get_params(deep=False)

    Odd().fit(FEATURES, CLASSES)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert "training_r2_score" in run.data.metrics
    assert "parameters could not be logged: RuntimeError: cannot say" in capsys.readouterr().err


def test_silent_says_nothing(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    tracking.sklearn.autolog(silent=True)
    LogisticRegression().fit(FEATURES, np.arange(40) % 3, sample_weight=np.ones(40))
    assert "training_score" in runs()[0].data.metrics
    assert capsys.readouterr().err == ""


def test_a_model_is_logged_with_a_signature_and_can_be_had_again(runs: Runs, client: TrackingClient) -> None:
    tracking.sklearn.autolog(log_input_examples=True)
    model = LinearRegression().fit(FEATURES, CLASSES)

    (run,) = runs()
    (made,) = run.outputs.model_outputs
    uri = f"models:/{made.model_id}"
    logged = client.get_logged_model(made.model_id)
    assert (logged.name, str(logged.status), logged.source_run_id) == ("model", "READY", run.info.run_id)
    # Without a word of trust: what scikit-learn's own models are kept in runs no code.
    loaded = tracking.sklearn.load_model(uri)
    assert loaded.predict(FEATURES).tolist() == model.predict(FEATURES).tolist()
    pyfunc = tracking.pyfunc.load_model(uri)
    assert pyfunc.predict(FEATURES).tolist() == model.predict(FEATURES).tolist()
    with pytest.raises(InvalidArgument):
        pyfunc.predict("no features")


def test_the_settings_say_how_a_model_is_logged(runs: Runs, client: TrackingClient) -> None:
    name = f"by itself {os.urandom(4).hex()}"
    tracking.sklearn.autolog(
        log_model_signatures=False, serialization_format="cloudpickle", registered_model_name=name
    )
    LinearRegression().fit(FEATURES, CLASSES)

    (made,) = runs()[0].outputs.model_outputs
    described = Path(client.download_logged_model_artifacts(made.model_id), "MLmodel").read_text()
    assert "serialization_format: cloudpickle" in described
    assert "signature" not in described
    (version,) = tracking.search_model_versions(filter_string=f"name = '{name}'")
    assert version.version == "1"


def test_a_model_that_cannot_be_logged_is_told_and_the_training_is_logged(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    tracking.sklearn.autolog(serialization_format="no such format")
    LinearRegression().fit(FEATURES, CLASSES)

    assert "training_score" in runs()[0].data.metrics
    assert "no such format" in capsys.readouterr().err


def test_a_transformer_of_the_users_is_no_training_but_what_it_trains_is(runs: Runs) -> None:
    _Own().fit(FEATURES)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["LogisticRegression"]


def test_a_class_derived_from_scikit_learns_is_logged_once_by_its_own_name(runs: Runs) -> None:
    _Derived().fit(FEATURES, CLASSES)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["_Derived"]


def test_classes_that_are_made_later_are_watched(scripts: Scripts, client: TrackingClient) -> None:
    experiment = tracking.create_experiment("later classes")
    done = scripts.run(
        """
import tracking_client as tracking
tracking.sklearn.autolog(log_models=False)
from sklearn.gaussian_process import GaussianProcessRegressor
GaussianProcessRegressor().fit([[1.0], [2.0]], [1.0, 2.0])
""",
        MLFLOW_EXPERIMENT_ID=experiment,
    )
    assert done.returncode == 0, done.stderr
    (run,) = client.find_runs([experiment])
    assert run.data.tags["estimator_name"] == "GaussianProcessRegressor"


@pytest.mark.parametrize("backend", ["threading", "sequential"])
def test_workers_of_a_search_are_part_of_it(backend: str, runs: Runs) -> None:
    with joblib.parallel_backend(backend, n_jobs=2):
        GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).fit(FEATURES, CLASSES)
    assert [run.data.tags["estimator_name"] for run in runs()].count("GridSearchCV") == 1
    assert len(runs()) == 3


def test_workers_of_an_ensemble_are_part_of_it(runs: Runs) -> None:
    with joblib.parallel_backend("threading", n_jobs=2):
        VotingClassifier([("a", LogisticRegression()), ("b", SVC())], n_jobs=2).fit(FEATURES, CLASSES)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["VotingClassifier"]


def test_folds_in_parallel_are_a_run_each(runs: Runs) -> None:
    with joblib.parallel_backend("threading", n_jobs=2):
        cross_val_score(LinearRegression(), FEATURES, CLASSES, cv=4)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["LinearRegression"] * 4


def test_trainings_that_the_user_has_done_in_parallel_are_a_run_each(runs: Runs) -> None:
    def train(strength: float) -> None:
        make_pipeline(StandardScaler(), Ridge(alpha=strength)).fit(FEATURES, CLASSES)

    joblib.Parallel(2, backend="threading")(joblib.delayed(train)(number) for number in (1.0, 2.0, 3.0))
    assert sorted(run.data.params["ridge__alpha"] for run in runs()) == ["1.0", "2.0", "3.0"]


def test_threads_of_the_users_that_train_at_once_have_a_run_each(runs: Runs) -> None:
    def train(strength: float) -> None:
        LogisticRegression(C=strength).fit(FEATURES, CLASSES)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, [1.0, 2.0, 3.0, 4.0]))
    assert sorted(run.data.params["C"] for run in runs()) == ["1.0", "2.0", "3.0", "4.0"]
    assert {run.info.status for run in runs()} == {"FINISHED"}


def test_cross_validation_is_a_run_for_each_fold(runs: Runs) -> None:
    cross_val_score(LogisticRegression(), FEATURES, CLASSES, cv=2)
    assert [set(run.data.metrics) >= {"LogisticRegression_score_X_test"} for run in runs()] == [True, True]


def test_the_users_run_stays_open_and_his(runs: Runs) -> None:
    with tracking.start_run(run_name="mine") as run:
        LinearRegression().fit(FEATURES, CLASSES)
        assert tracking.active_run() is run
    (found,) = runs()
    assert "mlflow.autologging" not in found.data.tags
    assert "training_r2_score" in found.data.metrics


def test_in_a_launched_program_everything_goes_to_the_run_it_was_launched_as(
    client: TrackingClient, experiment_id: str, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched = client.create_run(experiment_id).info.run_id
    monkeypatch.setenv("RUNNER_RUN_ID", launched)
    LinearRegression().fit(FEATURES, CLASSES)
    (run,) = runs()
    assert run.info.run_id == launched
    assert run.info.status == "RUNNING"
    assert "training_r2_score" in run.data.metrics
    monkeypatch.setattr(starting, "_attached", {})


@pytest.mark.parametrize(("most", "children"), [(0, 0), (1, 1), (None, 4)])
def test_as_many_candidates_become_runs_as_asked_for_the_best_first(
    most: int | None, children: int, runs: Runs
) -> None:
    tracking.sklearn.autolog(log_models=False, max_tuning_runs=most)
    GridSearchCV(SVC(), {"C": [1e-6, 2, 1e-5, 1e-4]}, cv=2).fit(FEATURES, CLASSES)
    found = [run.data.params["C"] for run in runs() if "mlflow.parentRunId" in run.data.tags]
    assert len(found) == children
    assert children == 0 or "2" in found


def test_a_version_that_is_too_old_can_be_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.__version__", "0.24.1")
    tracking.sklearn.autolog(disable_for_unsupported_versions=True)
    assert autologging.in_force("sklearn") is None
    tracking.sklearn.autolog()
    assert autologging.in_force("sklearn") is not None


def test_asking_twice_patches_once(runs: Runs) -> None:
    method = LogisticRegression.fit
    tracking.sklearn.autolog(log_models=False)
    assert LogisticRegression.fit is method
    LogisticRegression().fit(FEATURES, CLASSES)
    assert len(runs()) == 1
