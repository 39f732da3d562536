"""Everything that is a file: tables, figures, pictures, streams, folders."""

import io
import json
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import mlflow
import numpy as np
import pandas as pd

mpl.use("Agg")
from matplotlib import pyplot as plt

mlflow.set_experiment(sys.argv[1])
figure, axes = plt.subplots()
axes.plot([1, 2, 3])
with mlflow.start_run(run_name="files") as run, tempfile.TemporaryDirectory() as folder:
    mlflow.log_figure(figure, "plots/curve.png")
    mlflow.log_image(np.full((20, 30, 3), 200, np.uint8), "picture.png")
    mlflow.log_image(np.full((20, 30), 0.5), key="samples", step=2, timestamp=1234)
    mlflow.log_table({"prompt": ["a", "b"], "score": [1, 2]}, "tables/scores.json")
    mlflow.log_table(pd.DataFrame({"prompt": ["c"], "score": [3]}), "tables/scores.json")
    mlflow.log_table({"x": [1.5]}, "tables/other.json")
    mlflow.log_dict({"b": 1, "a": [1, 2, {"c": None}]}, "config.json")
    mlflow.log_dict({"b": 1, "a": [1, 2]}, "config.yaml")
    mlflow.log_text("täxt\n", "notes.txt")
    mlflow.log_stream(io.BytesIO(b"\x00\x01" * 50), "deep/er/stream.bin")
    root = Path(folder, "data")
    (root / "sub").mkdir(parents=True)
    (root / "one.txt").write_text("one")
    (root / "sub" / "two.txt").write_text("two")
    (root / "empty").write_text("")
    mlflow.log_artifact(str(root / "one.txt"))
    mlflow.log_artifact(str(root), "copies")
    mlflow.log_artifacts(str(root), "all")
    print(mlflow.get_artifact_uri("notes.txt").endswith(f"{run.info.run_id}/artifacts/notes.txt"))
print(sorted(item.path for item in mlflow.artifacts.list_artifacts(run_id=run.info.run_id)))
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/notes.txt"))
print(json.dumps(mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/config.json")))
print(mlflow.load_table("tables/scores.json", extra_columns=["run_id"])[["prompt", "score"]].to_dict("list"))
