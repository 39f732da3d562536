"""No code of a model runs unless the user allowed it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracking_client as tracking
from tests.tracking_client.models import samples
from tests.tracking_client.models.mlflow_quietly import quiet
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, Unauthorized
from tracking_client.models import Model, ModelInfo, trust
from tracking_client.models.trust import Origin, is_trusted

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def _experiment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"{request.node.name} {os.urandom(4).hex()}")


class Bomb:
    """What, unpickled, makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """The file that the code of strangers makes; it must not be there in the end."""
    path = tmp_path / "run by a stranger"
    yield path
    assert not path.exists()


def _logged_by_a_stranger(directory: Path) -> ModelInfo:
    """Puts a model of somebody else's on the server."""
    logged = tracking.initialize_logged_model("strange")
    tracking.MlflowClient().log_model_artifacts(logged.model_id, directory)
    tracking.finalize_logged_model(logged.model_id, "READY")
    return logged  # type: ignore[return-value]  # its model_uri is all that is asked for


def _with_bomb(directory: Path, file: str, marker: Path) -> Path:
    (directory / file).write_bytes(pickle.dumps(Bomb(marker)))
    return directory


@pytest.mark.parametrize("format", ["cloudpickle", "pickle"])
def test_a_pickle_from_a_server_is_not_opened(
    client: TrackingClient, tmp_path: Path, marker: Path, format: str
) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", serialization_format=format)
    uri = _logged_by_a_stranger(_with_bomb(tmp_path / "model", "model.pkl", marker)).model_uri
    for load in (tracking.sklearn.load_model, tracking.pyfunc.load_model):
        with pytest.raises(Unauthorized, match=r"is a pickle.*trusted=True.*RUNNER_TRUST_MODELS"):
            load(uri)


def test_a_python_model_from_a_server_is_not_opened(
    client: TrackingClient, tmp_path: Path, marker: Path
) -> None:
    tracking.pyfunc.save_model(tmp_path / "model", python_model=samples.oldest())
    uri = _logged_by_a_stranger(_with_bomb(tmp_path / "model", "python_model.pkl", marker)).model_uri
    with pytest.raises(Unauthorized, match="is a pickle"):
        tracking.pyfunc.load_model(uri)


def test_a_model_that_is_code_is_not_executed(client: TrackingClient, tmp_path: Path, marker: Path) -> None:
    tracking.pyfunc.save_model(tmp_path / "model", python_model=samples.code_file(tmp_path))
    (tmp_path / "model/rule.py").write_text(f"open({str(marker)!r}, 'w')")
    with pytest.raises(Unauthorized, match="is code"):
        tracking.pyfunc.load_model(_logged_by_a_stranger(tmp_path / "model").model_uri)


def test_code_that_a_model_brings_cannot_be_imported(
    client: TrackingClient, tmp_path: Path, marker: Path
) -> None:
    (tmp_path / "numpy_extras.py").write_text("")
    tracking.sklearn.save_model(
        samples.fitted(), tmp_path / "model", code_paths=[tmp_path / "numpy_extras.py"]
    )
    (tmp_path / "model/code/numpy_extras.py").write_text(f"open({str(marker)!r}, 'w')")
    uri = _logged_by_a_stranger(tmp_path / "model").model_uri
    for load in (tracking.sklearn.load_model, tracking.pyfunc.load_model):
        with pytest.raises(Unauthorized, match="code of its own"):
            load(uri)
    with pytest.raises(ImportError):
        import numpy_extras  # type: ignore[import-not-found]  # noqa: F401  # that it is not there is the point


def test_a_loader_that_the_model_names_is_not_called(client: TrackingClient, tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    described = Model.load(tmp_path / "model")
    described.flavors["python_function"]["loader_module"] = "antigravity"
    described.save(tmp_path / "model/MLmodel")
    with pytest.raises(Unauthorized, match="antigravity"):
        tracking.pyfunc.load_model(_logged_by_a_stranger(tmp_path / "model").model_uri)


def test_a_model_has_no_say_in_which_types_skops_opens(client: TrackingClient, tmp_path: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer

    model, types = FunctionTransformer(os.path.basename), ["posixpath.basename"]
    tracking.sklearn.save_model(
        model,
        tmp_path / "model",
        serialization_format="skops",
        skops_trusted_types=types,
        pyfunc_predict_fn="transform",
    )
    assert Model.load(tmp_path / "model").flavors["sklearn"]["skops_trusted_types"] == types
    uri = _logged_by_a_stranger(tmp_path / "model").model_uri
    trust._written.clear()
    with pytest.raises(Unauthorized, match=r"posixpath\.basename"):
        tracking.sklearn.load_model(uri)
    assert tracking.sklearn.load_model(uri, trusted=True).func is os.path.basename


def test_a_lambda_of_keras_needs_trust(client: TrackingClient, tmp_path: Path) -> None:
    with quiet():
        import keras

        model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda values: values * 2)])
    tracking.keras.save_model(model, tmp_path / "model")
    uri = _logged_by_a_stranger(tmp_path / "model").model_uri
    trust._written.clear()
    for load in (tracking.keras.load_model, tracking.pyfunc.load_model):
        with pytest.raises(Unauthorized, match="Lambda"):
            load(uri)
    assert tracking.keras.load_model(uri, trusted=True).predict(np.ones((1, 2)), verbose=0).tolist() == [
        [2, 2]
    ]


@pytest.mark.parametrize(
    ("version", "allowed"), [("3.9.2", False), ("3.11.3", False), ("3.12.0", True), ("4.0", True)]
)
def test_a_keras_whose_safe_mode_has_holes_opens_no_files_of_strangers(
    client: TrackingClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, allowed: bool
) -> None:
    tracking.keras.save_model(samples.network(), tmp_path / "net")
    uri = _logged_by_a_stranger(tmp_path / "net").model_uri
    trust._written.clear()
    monkeypatch.setattr("keras.__version__", version)
    if allowed:
        tracking.keras.load_model(uri)
    else:
        with pytest.raises(Unauthorized, match=version):
            tracking.keras.load_model(uri)
        tracking.keras.load_model(uri, trusted=True)


def test_what_runs_no_code_is_loaded_from_anywhere(client: TrackingClient, tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "line")
    tracking.keras.save_model(samples.network(), tmp_path / "net")
    trust._written.clear()
    line = tracking.pyfunc.load_model(_logged_by_a_stranger(tmp_path / "line").model_uri)
    np.testing.assert_allclose(line.predict(samples.TABLE), samples.TARGET)
    net = tracking.pyfunc.load_model(_logged_by_a_stranger(tmp_path / "net").model_uri)
    assert net.predict(np.ones((1, 2), np.float32)).shape == (1, 2)


def test_what_this_process_wrote_it_opens(client: TrackingClient) -> None:
    info = tracking.pyfunc.log_model(name="oldest", python_model=samples.oldest())
    assert tracking.pyfunc.load_model(info.model_uri).predict(samples.TABLE).tolist() == [30.0, 41.5, 52.0]
    trust._written.clear()
    with pytest.raises(Unauthorized):
        tracking.pyfunc.load_model(info.model_uri)


@pytest.mark.parametrize("how", ["argument", "variable", "path"])
def test_the_user_may_allow_it(
    client: TrackingClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    tracking.pyfunc.save_model(tmp_path / "model", python_model=samples.oldest())
    uri = _logged_by_a_stranger(tmp_path / "model").model_uri
    trust._written.clear()
    if how == "argument":
        loaded = tracking.pyfunc.load_model(uri, trusted=True)
    elif how == "variable":
        monkeypatch.setenv(trust.TRUSTED_MODELS, f"models:/other, {uri}")
        loaded = tracking.pyfunc.load_model(uri)
    else:
        loaded = tracking.pyfunc.load_model(tmp_path / "model")
    assert loaded.predict(samples.TABLE).tolist() == [30.0, 41.5, 52.0]


def test_mlflows_switch_forbids_whatever_was_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: Path
) -> None:
    tracking.pyfunc.save_model(tmp_path / "model", python_model=samples.oldest())
    _with_bomb(tmp_path / "model", "python_model.pkl", marker)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    with pytest.raises(Unauthorized, match="MLFLOW_ALLOW_PICKLE_DESERIALIZATION forbids"):
        tracking.pyfunc.load_model(tmp_path / "model", trusted=True)


@pytest.mark.parametrize(
    ("entries", "uri", "expected"),
    [
        ("models:/credit", "models:/credit", True),
        ("models:/credit", "models:/credit/3", True),
        ("models:/credit", "models:/credit@best", True),
        ("models:/credit", "models:/credit-2/1", False),
        ("models:/credit/", "models:/credit/1", True),
        ("models:/credit/1", "models:/credit/12", False),
        ("runs:/", "runs:/0123/model", True),
        ("runs:/", "models:/credit/1", False),
        ("models:/a models:/b,models:/c", "models:/c/1", True),
        ("*", "models:/anything/1", True),
        ("", "models:/credit/1", False),
        (" , ", "models:/credit/1", False),
        ("models", "models:/credit/1", False),
    ],
)
def test_a_model_is_trusted_by_its_uri_or_by_what_that_is_below(
    entries: str, uri: str, expected: bool
) -> None:
    origin = Origin(uri=uri, is_path=False)
    assert is_trusted(origin, {trust.TRUSTED_MODELS: entries}) is expected


@pytest.mark.parametrize("key", ["pickled_model", "code"])
@pytest.mark.parametrize("place", ["../outside.pkl", "/etc/hostname", "missing.pkl"])
def test_a_model_cannot_name_files_that_are_not_in_it(tmp_path: Path, key: str, place: str) -> None:
    (tmp_path / "outside.pkl").write_bytes(pickle.dumps(1))
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    described = Model.load(tmp_path / "model")
    described.flavors["sklearn"][key] = place
    described.save(tmp_path / "model/MLmodel")
    with pytest.raises(InvalidArgument, match="not in the model"):
        tracking.sklearn.load_model(tmp_path / "model")
