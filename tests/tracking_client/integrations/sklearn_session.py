"""Trainings with scikit-learn, logged by ours or by MLflow's autologging: each case in an experiment of its own.

Run as a program with "ours" or "mlflow", and what the experiments' names begin with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

rng = np.random.RandomState(0)
FEATURES = rng.rand(40, 3)
FRAME = pd.DataFrame(FEATURES, columns=["a", "b", "c"])
CLASSES = (FEATURES[:, 0] > 0.5).astype(int)
THREE = (FEATURES[:, 0] * 3).astype(int)
AMOUNTS = FEATURES @ np.array([1, 2, 3.0])


def classifier(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression(C=0.5).fit(FEATURES, CLASSES)


def classifier_of_a_frame(_: Any) -> None:
    from sklearn.ensemble import RandomForestClassifier

    RandomForestClassifier(3, random_state=1).fit(FRAME, pd.Series(THREE, name="t"))


def classifier_with_weights(_: Any) -> None:
    from sklearn.svm import SVC

    SVC().fit(FEATURES, CLASSES, sample_weight=np.linspace(0.1, 1, 40))


def classifier_of_texts(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression().fit(FEATURES, np.where(CLASSES > 0, "yes", "no"))


def classifier_of_a_sparse_matrix(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression().fit(csr_matrix(FEATURES), CLASSES)


def regressor(_: Any) -> None:
    from sklearn.linear_model import Ridge

    Ridge(alpha=2).fit(X=FEATURES, y=AMOUNTS, sample_weight=np.linspace(0.1, 1, 40))


def several_targets(_: Any) -> None:
    from sklearn.linear_model import LinearRegression

    LinearRegression().fit(FEATURES, np.c_[AMOUNTS, AMOUNTS])


def clusters(_: Any) -> None:
    from sklearn.cluster import KMeans

    KMeans(2, n_init=1, random_state=1).fit_predict(FEATURES)


def decomposition(_: Any) -> None:
    from sklearn.decomposition import PCA

    PCA(2).fit_transform(FEATURES)


def preparation_alone(_: Any) -> None:
    from sklearn.feature_selection import SelectKBest
    from sklearn.preprocessing import LabelEncoder, StandardScaler

    StandardScaler().fit_transform(FEATURES)
    LabelEncoder().fit(CLASSES)
    SelectKBest(k=1).fit(FEATURES, CLASSES)


def pipeline(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    make_pipeline(StandardScaler(), LogisticRegression()).fit(FRAME, CLASSES)


def ensemble(_: Any) -> None:
    from sklearn.ensemble import VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    VotingClassifier([("a", LogisticRegression()), ("b", SVC())]).fit(FEATURES, CLASSES)


def search(_: Any) -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    grid = {"C": [1e-6, 1e-5, 1e-4, 1, 2, 3, 4]}
    GridSearchCV(SVC(), grid, cv=2, scoring={"acc": "accuracy", "f1": "f1"}, refit="acc").fit(FRAME, CLASSES)


def search_without_a_best_model(_: Any) -> None:
    from sklearn.model_selection import RandomizedSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    RandomizedSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": [1, 1e-5]},
        n_iter=2,
        cv=2,
        refit=False,
        random_state=1,
    ).fit(FEATURES, CLASSES)


def in_the_users_run(mlflow: Any) -> None:
    from sklearn.linear_model import LinearRegression

    with mlflow.start_run(run_name="mine"):
        LinearRegression().fit(FEATURES, AMOUNTS)
        mlflow.log_metric("own", 1)


def two_in_one_run(mlflow: Any) -> None:
    from sklearn.linear_model import LinearRegression, Ridge

    with mlflow.start_run():
        LinearRegression().fit(FEATURES, AMOUNTS)
        Ridge().fit(FEATURES, AMOUNTS)


def long_values(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression(class_weight=dict.fromkeys(range(900), 1.0)).fit(FEATURES, CLASSES)


def failure(_: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    try:
        LogisticRegression(C=-1).fit(FEATURES, CLASSES)
    except ValueError:
        return
    raise AssertionError("scikit-learn's own error must be seen")


def one_class_counts(mlflow: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_models=False, pos_label=1)
    LogisticRegression().fit(FEATURES, CLASSES)


def exclusive(mlflow: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_models=False, exclusive=True, extra_tags={"team": "blue"})
    LogisticRegression().fit(FEATURES, CLASSES)
    with mlflow.start_run():
        LogisticRegression().fit(FEATURES, CLASSES)


def evaluations(_: Any) -> None:
    from sklearn import metrics
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(FEATURES, CLASSES)
    later, answers = FEATURES[:20], CLASSES[:20]
    predicted = model.predict(later)
    metrics.accuracy_score(answers, predicted, normalize=False)
    metrics.accuracy_score(y_true=answers, y_pred=predicted)
    metrics.log_loss(answers, model.predict_proba(later))
    metrics.confusion_matrix(answers, predicted)
    metrics.f1_score(answers, predicted.copy())
    metrics.mean_squared_error(answers, model.predict(FEATURES[:20]))
    model.score(later, answers)
    later = FEATURES[5:25]
    model.score(later, CLASSES[5:25])


def without_evaluations(mlflow: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(log_models=False, log_post_training_metrics=False, log_datasets=False)
    LogisticRegression().fit(FEATURES, CLASSES).score(FEATURES, CLASSES)


def disabled(mlflow: Any) -> None:
    from sklearn.linear_model import LogisticRegression

    mlflow.sklearn.autolog(disable=True)
    LogisticRegression().fit(FEATURES, CLASSES)


CASES: tuple[Callable[[Any], None], ...] = (
    classifier,
    classifier_of_a_frame,
    classifier_with_weights,
    classifier_of_texts,
    classifier_of_a_sparse_matrix,
    regressor,
    several_targets,
    clusters,
    decomposition,
    preparation_alone,
    pipeline,
    ensemble,
    search,
    search_without_a_best_model,
    in_the_users_run,
    two_in_one_run,
    long_values,
    failure,
    one_class_counts,
    exclusive,
    evaluations,
    without_evaluations,
    disabled,
)


def play(mlflow: Any, prefix: str) -> None:
    """Plays all cases."""
    for case in CASES:
        mlflow.sklearn.autolog(log_models=False)
        mlflow.set_experiment(f"{prefix} {case.__name__}")
        case(mlflow)


if __name__ == "__main__":
    modules = {"mlflow": "mlflow", "ours": "tracking_client"}
    play(import_module(modules[sys.argv[1]]), sys.argv[2])
