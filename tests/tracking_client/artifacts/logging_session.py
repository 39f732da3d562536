"""Pictures, tables and artifacts by URI, of whichever module it is given.

In a test that is ours; `python -m tests.tracking_client.artifacts.logging_session NAME` makes the very same calls
with `import mlflow`, in a process of its own, and prints what that returned.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def play(mlflow: Any, name: str) -> dict[str, Any]:
    """Makes all calls; returns what is seen of it, without ids."""
    experiment_id = mlflow.set_experiment(name).experiment_id
    generator = np.random.default_rng(7)
    with mlflow.start_run(run_name="one") as run:
        run_id = run.info.run_id
        mlflow.log_image(generator.integers(0, 256, (60, 30, 3), dtype=np.uint8), "rgb.png")
        mlflow.log_image(generator.integers(0, 256, (6, 3, 4), dtype=np.uint8), "deep/rgba.png")
        mlflow.log_image(generator.integers(0, 256, (6, 3, 1)), "one channel.png")
        mlflow.log_image(generator.random((9, 4)), "floats.png")
        mlflow.log_image(generator.random((9, 4, 3)).astype(np.float32) * 7 - 3, "wide.png")
        mlflow.log_image(generator.random((9, 4)) > 0.5, "bools.png")
        mlflow.log_image(PIL.Image.new("RGB", (5, 8), "red"), "pillow.png")
        mlflow.log_image(mlflow.Image(np.zeros((4, 4))), "wrapped.png")
        mlflow.log_image(np.ones((600, 300, 3)), key="dogs/a b", step=3, timestamp=55, synchronous=True)
        mlflow.log_table({"a": [1, 2], "b": ["x", None], "c": [0.5, float("nan")]}, "table.json")
        frame = pd.DataFrame({"a": [3], "t": [pd.Timestamp("2020-01-01 10:11:12.123456")], "l": [[1, 2]]})
        mlflow.log_table(frame, "table.json")
        mlflow.log_table({"a": 1, "b": "x"}, "sub/row.json")
        mlflow.log_table({"a": [1, 2], "b": [1]}, "uneven.json")
        mlflow.log_table({"n": np.array([1.5, 2])}, "array.json")
        mlflow.log_table({"a": [1, 2]}, "columns.parquet")
        mlflow.log_table(pd.DataFrame({"a": [3], "t": [pd.Timestamp("2020-01-01")]}), "columns.parquet")
        mlflow.log_table({"image": [PIL.Image.new("RGB", (500, 20))], "n": [1]}, "pictures.json")
        mlflow.log_stream(io.BytesIO(b"bytes"), "stream.bin")
        mlflow.log_dict({"k": [1]}, "value.json")
        mlflow.log_figure(_figure(), "figure.svg", save_kwargs={"metadata": {"Date": None}})
    with mlflow.start_run(run_name="two"):
        mlflow.log_param("lr", 3)
        mlflow.log_table({"a": [10]}, "table.json")
    return {
        "ids": [run_id, experiment_id],
        "tables": _tables(mlflow, run_id),
        "artifacts": _by_uri(mlflow, run_id),
        "files": _files(Path(mlflow.artifacts.download_artifacts(f"runs:/{run_id}/", dst_path=_new()))),
        "tags": {
            key: value for key, value in mlflow.get_run(run_id).data.tags.items() if "logged" in key.lower()
        },
    }


def _figure() -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([1, 2])
    return figure


def _tables(mlflow: Any, run_id: str) -> Any:
    both = mlflow.load_table("table.json", extra_columns=["params.lr"]).sort_values("a")
    parquet = mlflow.load_table("columns.parquet", run_ids=[run_id])
    return [
        json.loads(both.to_json(orient="split", index=False)),
        sorted(both.columns),
        parquet["a"].tolist(),
        str(parquet["t"].iloc[-1]),
        _UUID.sub("UUID", str(mlflow.load_table("pictures.json").to_dict("list"))),
    ]


def _by_uri(mlflow: Any, run_id: str) -> Any:
    artifacts = mlflow.artifacts
    root = mlflow.get_run(run_id).info.artifact_uri
    into = Path(_new())
    return [
        artifacts.load_text(f"runs:/{run_id}/stream.bin"),
        artifacts.load_dict(f"runs:/{run_id}/value.json"),
        artifacts.load_image(f"runs:/{run_id}/deep/rgba.png").size,
        artifacts.load_dict(f"{root}/value.json"),
        [item.path for item in artifacts.list_artifacts(f"runs:/{run_id}/deep")],
        [item.path for item in artifacts.list_artifacts(run_id=run_id, artifact_path="deep")],
        [item.path for item in artifacts.list_artifacts(f"runs:/{run_id}/value.json")],
        Path(artifacts.download_artifacts(f"runs:/{run_id}/deep", dst_path=into))
        .relative_to(into)
        .as_posix(),
        Path(artifacts.download_artifacts(run_id=run_id, artifact_path="deep/rgba.png", dst_path=into / "x"))
        .relative_to(into)
        .as_posix(),
        Path(artifacts.download_artifacts(f"{root}/sub", dst_path=into / "y")).relative_to(into).as_posix(),
        sorted(path.relative_to(into).as_posix() for path in into.rglob("*.*")),
        Path(artifacts.download_artifacts(str(into / "deep" / "rgba.png"))).name,
    ]


def _files(directory: Path) -> dict[str, Any]:
    """Every file by its name without ids, and what is in it."""
    found: dict[str, Any] = {}
    for path in sorted(directory.rglob("*.*")):
        name = _UUID.sub("UUID", path.relative_to(directory).as_posix())
        if path.suffix in (".png", ".webp"):
            image = PIL.Image.open(path)
            pixels = np.array(image).tolist() if path.suffix == ".png" else None
            found[name] = [image.size, image.mode, pixels]
        elif path.suffix == ".json":
            found[name] = json.loads(_UUID.sub("UUID", path.read_text()))
        elif path.is_file() and path.suffix == ".bin":
            found[name] = path.read_text()
        elif path.suffix == ".svg":
            found[name] = "<svg" in path.read_text()
    return found


def _new() -> str:
    return tempfile.mkdtemp(prefix="session-")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import mlflow

    print(json.dumps(play(mlflow, sys.argv[1])))
