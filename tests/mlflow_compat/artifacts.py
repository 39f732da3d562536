"""Artifacts, tables, pictures and datasets through MLflow's own client."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag

from tests.mlflow_compat.refusals import refused


def files(client: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.txt").write_text("x")
    (folder / "émpty").write_text("")
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "texts/h.txt")
        mlflow.log_dict({"a": 1}, "d.json")
        mlflow.log_dict({"a": [1, 2]}, "d.yaml")
        mlflow.log_artifact(str(folder / "deep" / "x.txt"), "single")
        mlflow.log_artifacts(str(folder), "all of it")
        mlflow.log_stream(io.BytesIO(b"streamed"), "stream.bin")
    uri = run.info.artifact_uri
    run_id = run.info.run_id
    assert mlflow.artifacts.load_text(f"{uri}/texts/h.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"{uri}/d.json") == {"a": 1}
    listed = [entry.path for entry in client.list_artifacts(run_id)]
    assert listed == ["all of it", "d.json", "d.yaml", "single", "stream.bin", "texts"], listed
    inside = client.list_artifacts(run_id, "all of it")
    assert [(entry.path, entry.is_dir) for entry in inside] == [
        ("all of it/deep", True),
        ("all of it/émpty", False),
    ]
    assert len(mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="texts")) == 1
    local = Path(client.download_artifacts(run_id, "all of it", tempfile.mkdtemp()))
    assert (local / "deep" / "x.txt").read_text() == "x"
    whole = Path(mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=tempfile.mkdtemp()))
    assert (whole / "stream.bin").read_bytes() == b"streamed"
    by_uri = mlflow.artifacts.download_artifacts(artifact_uri=f"runs:/{run_id}/d.yaml")
    assert "- 1" in Path(by_uri).read_text()
    assert refused(lambda: mlflow.artifacts.load_text(f"{uri}/nothing"))


def files_by_the_client(client: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / "a.txt").write_text("a")
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "t", "t.txt")
    client.log_dict(run_id, {"a": 1}, "d.json")
    client.log_artifact(run_id, str(folder / "a.txt"))
    client.log_artifacts(run_id, str(folder), "folder")
    client.log_stream(run_id, io.BytesIO(b"s"), "s.bin")
    client.log_figure(run_id, _figure(), "f.png")
    client.log_image(run_id, np.zeros((2, 2, 3), dtype=np.uint8), "i.png")
    client.log_table(run_id, {"x": [1]}, "table.json")
    names = [entry.path for entry in client.list_artifacts(run_id)]
    assert names == ["a.txt", "d.json", "f.png", "folder", "i.png", "s.bin", "t.txt", "table.json"], names
    assert list(client.load_table("0", "table.json")["x"]) == [1]


def _figure() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2])
    return figure


def pictures_and_tables(client: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_figure(_figure(), "plots/f.png")
        mlflow.log_image(np.full((4, 4, 3), 200, dtype=np.uint8), "picture.png")
        for step in range(2):
            mlflow.log_image(mlflow.Image(np.zeros((4, 4), dtype=np.uint8)), key="steps", step=step)
        mlflow.flush_artifact_async_logging()
        mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "table.json")
        mlflow.log_table(pd.DataFrame({"x": [3], "y": ["c"]}), "table.json")
        table = mlflow.load_table("table.json", extra_columns=["run_id"])
    assert list(table["x"]) == [1, 2, 3]
    assert set(table["run_id"]) == {run.info.run_id}
    assert mlflow.artifacts.load_image(f"{run.info.artifact_uri}/picture.png").size == (4, 4)
    assert len(client.list_artifacts(run.info.run_id, "images")) == 4


def datasets(client: Any) -> None:
    frame = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2], "y": [0, 1]}), targets="y", name="frame")
    array = mlflow.data.from_numpy(np.arange(4), name="array")
    with mlflow.start_run() as run:
        mlflow.log_input(frame, context="training", tags={"part": "1"})
        mlflow.log_inputs([frame, array], ["training", "eval"], [None, None])
        mlflow.log_metric("loss", 0.5, dataset=frame)
    read = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert [each.dataset.name for each in read] == ["frame", "array"]
    assert {tag.key: tag.value for tag in read[0].tags} == {"mlflow.data.context": "training", "part": "1"}
    assert mlflow.data.get_source(read[0]).to_dict() is not None
    found = mlflow.search_runs(filter_string="dataset.name = 'array' AND dataset.context = 'eval'")
    assert list(found["run_id"]) == [run.info.run_id]
    other = client.create_run("0").info.run_id
    plain = Dataset(name="plain", digest="d", source_type="local", source="s")
    client.log_inputs(other, [DatasetInput(plain, [InputTag("k", "v")])])
    assert client.get_run(other).inputs.dataset_inputs[0].dataset.name == "plain"


TESTS = (files, files_by_the_client, pictures_and_tables, datasets)
