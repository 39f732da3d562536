"""The fluent API: which run a call goes to, from threads, processes and launched programs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tracking_client as tracking
from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound, TrackingError
from tracking_client.wire.entities import Run

_PARENT = "mlflow.parentRunId"


@pytest.fixture(autouse=True)
def _experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to an experiment of the test's own."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)


@pytest.fixture
def launched(client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process is a program launched as the run that is returned."""
    run = client.create_run(experiment_id, run_name="launched")
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    monkeypatch.setenv("RUNNER_RUN_ID", run.info.run_id)
    return run.info.run_id


@pytest.fixture
def runs(client: TrackingClient, experiment_id: str) -> Callable[[], dict[str, Run]]:
    """All runs of the test's experiment, by id."""
    return lambda: {run.info.run_id: run for run in client.find_runs([experiment_id])}


def _in_thread(work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_a_block_is_a_run(client: TrackingClient, experiment_id: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    with tracking.start_run(run_name="r", tags={"a": 1}, description="what it is") as run:
        assert tracking.active_run() is run
        assert tracking.log_param("lr", 0.5) == 0.5
        tracking.log_params({"b": None})
        tracking.log_metric("m", 1, step=2, timestamp=3)
        tracking.log_metrics({"n": 2.5}, step=4)
        tracking.set_tag("k", "v")
        tracking.set_tags({"l": "w", "gone": 1})
        tracking.delete_tag("gone")
        tracking.log_artifact(tmp_path / "file.txt", "in")
        tracking.log_artifacts(tmp_path, "all")
        tracking.log_text("t", "t.txt")
        tracking.log_dict({}, "d.json")
        assert tracking.get_artifact_uri("in/file.txt") == f"{run.info.artifact_uri}/in/file.txt"
    assert tracking.active_run() is None
    found = tracking.get_run(run.info.run_id)
    assert (found.info.status, found.info.experiment_id, found.info.run_name) == (
        "FINISHED",
        experiment_id,
        "r",
    )
    assert found.data.params == {"lr": "0.5", "b": "None"}
    assert found.data.metrics == {"m": 1.0, "n": 2.5}
    history = client.get_metric_history(run.info.run_id, "m")
    assert [(metric.step, metric.timestamp) for metric in history] == [(2, 3)]
    tags = found.data.tags
    assert {
        name: tags.get(name) for name in ("a", "k", "l", "gone", "mlflow.note.content", "mlflow.source.type")
    } == {
        "a": "1",
        "k": "v",
        "l": "w",
        "gone": None,
        "mlflow.note.content": "what it is",
        "mlflow.source.type": "LOCAL",
    }
    assert tags["mlflow.user"]
    assert tags["mlflow.source.name"]
    stored = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert stored == {"all", "d.json", "in", "t.txt"}
    last = tracking.last_active_run()
    assert last is not None
    assert last.info.run_id == run.info.run_id


def test_an_exception_in_the_block_fails_the_run_and_goes_on() -> None:
    with pytest.raises(ZeroDivisionError), tracking.start_run() as run:
        _ = 1 / 0
    assert tracking.get_run(run.info.run_id).info.status == "FAILED"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(), "FINISHED"),
        (SystemExit(3), "FAILED"),
    ],
)
def test_leaving_the_process_has_its_own_status(error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), tracking.start_run() as run:
        raise error
    assert tracking.get_run(run.info.run_id).info.status == status


def test_a_second_run_needs_to_be_nested() -> None:
    with tracking.start_run() as run:
        with pytest.raises(TrackingError) as caught:
            tracking.start_run()
        assert str(caught.value) == (
            f"Run with UUID {run.info.run_id} is already active. To start a new run, first end the "
            "current run with mlflow.end_run(). To start a nested run, call start_run with nested=True"
        )
        with tracking.start_run(nested=True) as child:
            with tracking.start_run(nested=True) as grandchild:
                tracking.log_metric("m", 1)
            tracking.log_metric("m", 2)
    assert tracking.get_run(child.info.run_id).data.tags[_PARENT] == run.info.run_id
    assert tracking.get_run(grandchild.info.run_id).data.tags[_PARENT] == child.info.run_id
    assert tracking.get_run(child.info.run_id).data.metrics == {"m": 2.0}
    parent = tracking.get_parent_run(child.info.run_id)
    assert parent is not None
    assert parent.info.run_id == run.info.run_id
    assert tracking.get_parent_run(run.info.run_id) is None


def test_leaving_a_block_ends_what_was_left_open_inside() -> None:
    with tracking.start_run() as run:
        child = tracking.start_run(nested=True)
    assert tracking.active_run() is None
    assert tracking.get_run(run.info.run_id).info.status == "FINISHED"
    assert tracking.get_run(child.info.run_id).info.status == "FINISHED"


def test_a_run_that_was_ended_inside_its_block_keeps_that_status() -> None:
    with tracking.start_run() as run:
        tracking.end_run("KILLED")
    assert tracking.get_run(run.info.run_id).info.status == "KILLED"
    tracking.end_run()


def test_logging_without_a_run_starts_one(runs: Callable[[], dict[str, Run]]) -> None:
    tracking.log_metric("m", 1)
    tracking.log_metric("n", 1)
    tracking.end_run()
    assert [set(run.data.metrics) for run in runs().values()] == [{"m", "n"}]


def test_a_run_is_resumed_with_its_tags() -> None:
    with tracking.start_run(tags={"a": "1"}, run_name="first") as run:
        tracking.log_param("p", 1)
    with tracking.start_run(run_id=run.info.run_id, tags={"b": "2"}) as again:
        assert again.info.run_id == run.info.run_id
        assert again.info.status == "RUNNING"
        tracking.log_metric("m", 1)
    found = tracking.get_run(run.info.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert (found.data.tags["a"], found.data.tags["b"]) == ("1", "2")


def test_a_run_in_the_bin_is_not_resumed_and_no_parent() -> None:
    with tracking.start_run() as run:
        pass
    tracking.delete_run(run.info.run_id)
    with pytest.raises(InvalidArgument, match="deleted state"):
        tracking.start_run(run_id=run.info.run_id)
    with pytest.raises(InvalidArgument, match="deleted state"):
        tracking.start_run(parent_run_id=run.info.run_id)
    with pytest.raises(NotFound):
        tracking.start_run(run_id="0" * 32)
    with pytest.raises(NotFound):
        tracking.start_run(parent_run_id="0" * 32)
    assert tracking.active_run() is None


def test_a_description_is_given_once() -> None:
    with pytest.raises(InvalidArgument, match="Description is already set"):
        tracking.start_run(description="a", tags={"mlflow.note.content": "b"})


def test_threads_nest_in_the_run_of_the_process(runs: Callable[[], dict[str, Run]]) -> None:
    together = threading.Barrier(4)

    def trial(number: int) -> str:
        together.wait(timeout=20)
        with tracking.start_run(nested=True) as child:
            tracking.log_metric("number", number)
            together.wait(timeout=20)
            tracking.log_metric("again", number)
        return child.info.run_id

    with tracking.start_run() as parent:
        with ThreadPoolExecutor(4) as pool:
            children = list(pool.map(trial, range(4)))
        tracking.log_metric("best", 3)
    found = runs()
    assert set(found) == {parent.info.run_id, *children}
    for number, child in enumerate(children):
        assert found[child].data.tags[_PARENT] == parent.info.run_id
        assert found[child].data.metrics == {"number": number, "again": number}
        assert found[child].info.status == "FINISHED"
    assert found[parent.info.run_id].data.metrics == {"best": 3.0}


def test_a_thread_without_a_run_logs_to_that_of_the_process(runs: Callable[[], dict[str, Run]]) -> None:
    with tracking.start_run() as run, tracking.start_run(nested=True):

        def work() -> None:
            active = tracking.active_run()
            assert active is not None
            assert active.info.run_id == run.info.run_id
            tracking.log_metric("from_thread", 1)

        _in_thread(work)
    found = runs()
    assert len(found) == 2
    assert found[run.info.run_id].data.metrics == {"from_thread": 1.0}


def test_threads_may_have_runs_of_their_own(runs: Callable[[], dict[str, Run]]) -> None:
    together = threading.Barrier(3)

    def independent(number: int) -> str:
        with tracking.start_run() as run:
            together.wait(timeout=20)
            tracking.log_metric("number", number)
        return run.info.run_id

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(independent, range(3)))
    assert [runs()[run_id].data.metrics for run_id in made] == [{"number": number} for number in range(3)]
    assert not any(_PARENT in run.data.tags for run in runs().values())


def test_a_thread_that_died_with_a_run_open_does_not_hand_it_on() -> None:
    opened = []
    for _ in range(5):
        thread = threading.Thread(target=lambda: opened.append(tracking.start_run()))
        thread.start()
        thread.join()
    assert len({run.info.run_id for run in opened}) == 5


def test_a_launched_program_resumes_its_run_once(launched: str) -> None:
    with tracking.start_run() as run:
        assert run.info.run_id == launched
        assert "MLFLOW_RUN_ID" not in os.environ
    with tracking.start_run() as other:
        assert other.info.run_id != launched


def test_a_launched_program_keeps_its_run_whatever_experiment_it_sets(
    launched: str, experiment_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tracking.set_experiment(f"other than {experiment_id}")
    with tracking.start_run() as run:
        assert (run.info.run_id, run.info.experiment_id) == (launched, experiment_id)
    assert other.experiment_id in capsys.readouterr().err


def test_children_of_a_launched_program_are_its_children(launched: str) -> None:
    with tracking.start_run(), tracking.start_run(nested=True) as child:
        pass
    with tracking.start_run(nested=True) as later:
        pass
    for run in (child, later):
        assert tracking.get_run(run.info.run_id).data.tags[_PARENT] == launched


def test_a_given_parent_comes_before_the_run_of_the_environment(launched: str) -> None:
    with tracking.start_run(run_id=launched):
        pass
    os.environ["MLFLOW_RUN_ID"] = launched
    with tracking.start_run(run_name="parent", parent_run_id=launched) as parent:
        assert parent.info.run_id != launched
    with tracking.start_run(parent_run_id=parent.info.run_id) as child:
        assert child.info.run_id not in (launched, parent.info.run_id)
        assert child.data.tags[_PARENT] == parent.info.run_id
        with pytest.raises(InvalidArgument, match="does not match the specified parent_run_id"):
            tracking.start_run(nested=True, parent_run_id=parent.info.run_id)


def test_nested_runs_of_threads_do_not_swallow_the_launched_run(
    launched: str, runs: Callable[[], dict[str, Run]]
) -> None:
    def trial(_: int) -> str:
        with tracking.start_run(nested=True) as run:
            return run.info.run_id

    with ThreadPoolExecutor(3) as pool:
        children = set(pool.map(trial, range(3)))
    assert launched not in children
    assert {runs()[child].data.tags[_PARENT] for child in children} == {launched}


def test_a_process_inside_a_launched_program_nests_in_it_and_makes_no_stray_runs(
    launched: str, scripts: Scripts, runs: Callable[[], dict[str, Run]]
) -> None:
    done = scripts.run(
        """
        import multiprocessing, subprocess, sys
        import tracking_client as tracking

        def trial(number):
            with tracking.start_run(nested=True):
                tracking.log_metric("number", number)

        if __name__ == "__main__":
            with tracking.start_run() as run:
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    pool.map(trial, range(2))
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    pool.map(trial, range(2, 4))
                code = "import tracking_client; tracking_client.log_metric('helper', 1)"
                subprocess.run([sys.executable, "-c", code], check=True)
        """.replace("\n        ", "\n")
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = runs()
    children = [run for run in found.values() if run.info.run_id != launched]
    assert len(children) == 4
    assert {run.data.tags[_PARENT] for run in children} == {launched}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert sorted(run.data.metrics["number"] for run in children) == [0, 1, 2, 3]
    assert found[launched].data.metrics == {"helper": 1.0}


def test_a_nested_run_goes_to_the_experiment_of_its_parent(
    experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    with tracking.start_run(experiment_id=experiment_id), tracking.start_run(nested=True) as child:
        assert child.info.experiment_id == experiment_id
    with tracking.start_run() as run:
        assert run.info.experiment_id == "0"


def test_an_experiment_is_set_for_this_process_and_its_children(
    experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "something else")
    made = tracking.set_experiment(f"set {experiment_id}")
    assert tracking.set_experiment(experiment_id=made.experiment_id) == made
    assert os.environ["MLFLOW_EXPERIMENT_ID"] == made.experiment_id
    assert "MLFLOW_EXPERIMENT_NAME" not in os.environ
    with tracking.start_run() as run:
        assert run.info.experiment_id == made.experiment_id
    tracking.set_experiment_tags({"a": 1, "b": 2})
    tracking.delete_experiment_tag("b")
    assert tracking.get_experiment(made.experiment_id).tags["a"] == "1"
    with pytest.raises(InvalidArgument, match="exactly one"):
        tracking.set_experiment()


def test_the_environment_names_an_experiment(experiment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"named {experiment_id}")
    with pytest.raises(InvalidArgument, match="does not match"):
        tracking.start_run()
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    with tracking.start_run() as run:
        assert tracking.get_experiment(run.info.experiment_id).name == f"named {experiment_id}"


def test_runs_are_searched_in_the_experiment_at_hand(experiment_id: str) -> None:
    for number in range(3):
        with tracking.start_run():
            tracking.log_metric("m", number)
    found = tracking.search_runs(
        filter_string="metrics.m > 0", order_by=["metrics.m DESC"], output_format="list"
    )
    assert [run.data.metrics["m"] for run in found] == [2.0, 1.0]
    assert len(tracking.search_runs([experiment_id], max_results=2, output_format="list")) == 2
    assert tracking.search_runs(experiment_names=["there is none"], output_format="list") == []
    name = tracking.get_experiment(experiment_id).name
    assert len(tracking.search_runs(experiment_names=[name], output_format="list")) == 3
    everywhere = tracking.search_runs(search_all_experiments=True, output_format="list")
    assert {run.info.run_id for run in found} <= {run.info.run_id for run in everywhere}
    assert experiment_id in {item.experiment_id for item in tracking.search_experiments()}
    with pytest.raises(InvalidArgument, match="Unsupported output format"):
        tracking.search_runs(output_format="csv")


def test_a_table_has_the_columns_of_mlflow(experiment_id: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    with tracking.start_run():
        tracking.log_metric("m", 1)
    with tracking.start_run():
        tracking.log_param("p", "x")
    table = tracking.search_runs([experiment_id])
    assert isinstance(table, pandas.DataFrame)
    assert {
        "run_id",
        "experiment_id",
        "status",
        "artifact_uri",
        "start_time",
        "metrics.m",
        "params.p",
    } <= set(table)
    assert table["metrics.m"].isna().sum() == 1


def test_without_pandas_a_search_answers_runs_and_a_table_of_plain_values_is_stored(
    scripts: Scripts, experiment_id: str
) -> None:
    source = """
import sys
sys.modules["pandas"] = None
import tracking_client as tracking
with tracking.start_run() as run:
    tracking.log_table({"a": [1, 2]}, "t.json")
    tracking.log_table({"a": [3], "b": ["x"]}, "t.json")
print([found.info.run_id == run.info.run_id for found in tracking.search_runs()])
print(tracking.artifacts.load_dict(f"runs:/{run.info.run_id}/t.json"))
for ask in (lambda: tracking.search_runs(output_format="pandas"), lambda: tracking.load_table("t.json")):
    try:
        ask()
    except tracking.MlflowException as error:
        print("needs pandas" in error.message)
"""
    done = scripts.run(source, MLFLOW_EXPERIMENT_ID=experiment_id)

    assert done.returncode == 0, done.stderr
    table = "{'columns': ['a', 'b'], 'data': [[1, None], [2, None], [3, 'x']]}"
    assert done.stdout.splitlines() == ["[True]", table, "True", "True"]


def test_values_are_logged_to_another_run_by_its_id() -> None:
    with tracking.start_run() as first:
        pass
    with tracking.start_run() as second:
        tracking.log_metric("m", 1, run_id=first.info.run_id)
        tracking.log_metrics({"n": 1}, run_id=second.info.run_id)
        tracking.log_params({"p": 1}, run_id=first.info.run_id)
        tracking.log_text("x", "x.txt", run_id=first.info.run_id)
    found = tracking.get_run(first.info.run_id)
    assert (found.info.status, found.data.metrics, found.data.params) == ("FINISHED", {"m": 1.0}, {"p": "1"})
    assert tracking.get_run(second.info.run_id).data.metrics == {"n": 1.0}


def test_a_figure_is_stored_in_the_format_of_its_name(client: TrackingClient) -> None:
    class Figure:
        def savefig(self, out: object, **options: str) -> None:
            out.write(f"image as {options['format']}".encode())  # type: ignore[attr-defined]

    with tracking.start_run() as run:
        tracking.log_figure(Figure(), "plots/a.svg")
        with pytest.raises(InvalidArgument, match="cannot be stored"):
            tracking.log_figure(object(), "a.png")
    fetched = client.download_artifacts(run.info.run_id, "plots/a.svg")
    assert Path(fetched).read_text() == "image as svg"
