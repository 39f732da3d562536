"""The example's training, with TensorFlow, in the environment that the example asks for."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runner.process import run_program
from runner.program import Program, RunProgram
from runner.stop import Stop
from runner.warm.templates import Templates
from tests.e2e.terminal import ROOT, Done, User
from tracking_client.wire.entities import Run

# In the environment of the tests, which has no TensorFlow: what runs no code is loaded from anywhere.
PREDICT = """
import sys, numpy, tracking_client
model = tracking_client.pyfunc.load_model(sys.argv[1])
print(model.predict(numpy.zeros((2, 10), numpy.float32)).shape)
try:
    model.predict(numpy.zeros((2, 10), numpy.float64))
except tracking_client.TrackingError as error:
    print("float32 expected" if "float32" in str(error) else error)
"""
EXAMPLE = ROOT / "examples" / "hyperparam"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environment is built, once for all tests of this file."""
    kept = os.environ.get("RUNNER_TEST_CACHE_DIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("cache")


def train(user: User, cache: Path, **parameters: object) -> Done:
    pairs = [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
    return user.types("run", str(EXAMPLE), "-e", "train", *pairs, timeout_s=900, RUNNER_CACHE_DIR=str(cache))


def histories(user: User, run: Run) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(point.step, point.value) for point in user.client.get_metric_history(run.info.run_id, name)]
        for name in sorted(run.data.metrics)
    }


def test_one_seed_gives_the_same_numbers_and_the_best_epoch_is_the_one_with_the_lowest_val_rmse(
    user: User, cache: Path
) -> None:
    for seed in (5, 5, 6):
        done = train(user, cache, epochs=6, learning_rate=0.05, momentum=0.5, seed=seed)
        assert done.code == 0, done.err

    other, second, first = user.runs()
    assert histories(user, first) == histories(user, second)
    assert histories(user, first) != histories(user, other)
    logged = histories(user, first)
    assert [step for step, _ in logged["val_rmse"]] == [1, 2, 3, 4, 5, 6]
    best, lowest = min(logged["val_rmse"], key=lambda point: point[1])
    assert first.data.metrics["best_epoch"] == best
    assert first.data.metrics["best_val_rmse"] == lowest
    for part in ("train", "test"):
        assert first.data.metrics[f"best_{part}_rmse"] == dict(logged[f"{part}_rmse"])[best]
    (model,) = user.client.search_logged_models(
        [first.info.experiment_id], f"source_run_id = '{first.info.run_id}'"
    )
    files = [item.path for item in user.client.list_logged_model_artifacts(model.model_id, "data")]
    assert (model.name, model.status, "data/model.keras" in files) == ("model", "READY", True)
    assert {metric.key: metric.value for metric in model.metrics}["val_rmse"] == lowest
    assert user.python(PREDICT, model.model_uri, KERAS_BACKEND="numpy").out == "(2, 1)\nfloat32 expected\n"
    assert "runner.baseline" not in first.data.tags


def test_no_epochs_are_the_mean_predictor_and_training_on_a_csv_file_beats_it(
    user: User, cache: Path
) -> None:
    rows = "".join(f"{x % 17};{x % 5};{(x % 17) * 100 + (x % 5) * 7}\n" for x in range(400))
    (user.directory / "data.csv").write_text('"a";"b";"y"\n' + rows, encoding="utf-8")

    for epochs in (0, 20):
        done = train(user, cache, epochs=epochs, training_data="data.csv", learning_rate=0.01, momentum=0.9)
        assert done.code == 0, done.err

    trained, baseline = user.runs()
    assert baseline.data.tags["runner.baseline"] == "true"
    deviation = math.sqrt(sum((x % 17 - 8) ** 2 for x in range(17)) / 17) * 100
    assert baseline.data.metrics["best_test_rmse"] == pytest.approx(deviation, rel=0.15), "no rmse"
    assert trained.data.metrics["best_test_rmse"] < baseline.data.metrics["best_test_rmse"] / 5


def test_the_tutorial_shows_what_the_baseline_prints(user: User, cache: Path) -> None:
    tutorial = (ROOT / "docs" / "tutorial" / "hyperparameter-sweep.md").read_text(encoding="utf-8")

    done = train(user, cache, epochs=0)

    assert done.out.startswith("best epoch 0: ")
    assert done.out in tutorial


def test_the_project_file_has_no_problems(user: User) -> None:
    done = user.types("check", str(EXAMPLE))

    assert (done.code, done.out + done.err) == (0, "no problems found\n")


def test_a_training_that_diverges_fails_with_one_line(user: User, cache: Path) -> None:
    done = train(user, cache, epochs=3, learning_rate=1e30)

    assert done.code == 1
    assert user.run().info.status == "FAILED"
    assert "the training diverged: epoch 1 gave" in done.err
    assert "Traceback" not in done.err


WITH_TENSORFLOW = """
import os
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import keras, tensorflow, numpy
unseeded = float(tensorflow.random.uniform([])), float(numpy.random.rand())
keras.utils.set_random_seed(3)
x = numpy.random.rand(64, 4)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
print(*model.fit(x, x.sum(1), epochs=2, verbose=0).history["loss"], *unseeded)
"""


def test_trainings_forked_from_a_template_give_the_numbers_of_a_cold_one(user: User, cache: Path) -> None:
    assert train(user, cache, epochs=0).code == 0
    tensorflow = next(cache.glob("environments/*/*/*/lib/python*/site-packages/tensorflow"))
    binaries = tensorflow.parents[3] / "bin"
    (user.directory / "forked.py").write_text(WITH_TENSORFLOW, encoding="utf-8")
    said: list[str] = []

    def printed(start: RunProgram) -> list[str]:
        output = bytearray()
        code = start(
            Program(
                argv=["python", "forked.py"],
                run_id="a-run",
                cwd=user.directory,
                environ={**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
                on_output=lambda name, data: output.extend(data if name == "stdout" else b""),
                stop=Stop(),
            )
        )
        assert code == 0
        return output.decode().split()

    with Templates(say=said.append) as templates, ThreadPoolExecutor(2) as pool:
        warm = list(pool.map(printed, [templates.run_program] * 6))
        count = templates.warm_count
    cold = printed(run_program)

    assert {tuple(row[:2]) for row in warm} == {tuple(cold[:2])}
    assert len({row[2] for row in [*warm, cold]}) == len({row[3] for row in [*warm, cold]}) == 7
    assert (said, count) == ([], 6)
