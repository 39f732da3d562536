"""The example's own searches, network and all, without a server: synced later they equal those made online."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import ROOT, User
from tests.tracking_client.holdings import Holdings, differing, holdings
from tests.tracking_client.mlflow_server import COMMAND, running_mlflow_server
from tests.tracking_client.servers import stop_server
from tracking_client import offline
from tracking_client.client import TrackingClient
from tracking_client.journal_folder import journal_folder
from tracking_client.tracking_uri import LocalStore

EXAMPLE = ROOT / "examples" / "hyperparam"
EXPERIMENT = "the example"
_NOWHERE = "http://tracking.example.invalid"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environment is built, once for all tests of this file."""
    kept = os.environ.get("RUNNER_TEST_CACHE_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("cache")


@pytest.fixture
def mlflow_url(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server."""
    if COMMAND is None:
        pytest.skip("the mlflow command is not installed")
    (tmp_path / "mlflow").mkdir()
    with running_mlflow_server(tmp_path / "mlflow") as url:
        yield url


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[LocalStore, LocalStore]]:
    """Two stores of ours."""
    made = LocalStore.at(tmp_path / "one" / "mlruns.db"), LocalStore.at(tmp_path / "other" / "mlruns.db")
    for store in made:
        store.database.parent.mkdir()
    yield made
    for store in made:
        stop_server(store)
    for kept in offline.stores_in(journal_folder()):
        stop_server(LocalStore.of_database(kept.database))


def compared(held: Holdings) -> Holdings:
    """`held` with a word for ids that are no run's or model's."""
    return {place: "(an id)" if place.endswith("/tags runner.ticket") else it for place, it in held.items()}


@pytest.mark.parametrize("entry_point", ["hyperopt", "random"])
def test_a_search_of_the_example_that_is_synced_equals_the_one_made_online(
    entry_point: str, user: User, cache: Path, stores: tuple[LocalStore, LocalStore], mlflow_url: str
) -> None:
    online, later = stores
    named = ("--run-name", "search", "--experiment-name", EXPERIMENT)
    order = ("run", str(EXAMPLE), "-e", entry_point, *named, "-P", "max_runs=2", "-P", "epochs=2")
    user.environ["RUNNER_CACHE_DIR"] = str(cache)
    done = [
        user.types(*order, timeout_s=900, MLFLOW_TRACKING_URI=online.uri),
        user.types(*order, timeout_s=900, MLFLOW_TRACKING_URI=_NOWHERE, RUNNER_OFFLINE="1"),
    ]
    done += [user.types("sync", "--to", uri, timeout_s=300) for uri in (later.uri, mlflow_url)]

    assert [each.code for each in done] == [0, 0, 0, 0], [each.err for each in done]
    (kept,) = offline.stores_in(journal_folder())
    formerly = TrackingClient(f"sqlite:///{kept.database}")
    expected = compared(holdings(TrackingClient(online.uri), EXPERIMENT))
    for uri in (later.uri, mlflow_url):
        found = compared(holdings(TrackingClient(uri), EXPERIMENT, formerly=formerly))
        assert differing(expected, found) == {}, uri

    statuses = [it for place, it in expected.items() if place.endswith("/info/status") and "run " in place]
    assert statuses == ["FINISHED"] * 4
    assert expected["run trial-01/tags mlflow.parentRunId"] == "<search>"
    assert expected["run search/tags best_run"] in ("<trial-01>", "<trial-02>")
    assert {point["step"] for point in expected["run trial-02/metric val_rmse/history"]} == {1, 2}
    for trial in ("trial-01", "trial-02"):
        (inputs,) = expected[f"model model of {trial}/file MLmodel signature.inputs"]
        assert '"dtype": "float32", "shape": [-1, 10]' in inputs
        assert any(
            place.startswith(f"model model of {trial}/file data/model.keras!") and it[0].startswith("sha256")
            for place, it in expected.items()
        ), "the weights are not compared"
