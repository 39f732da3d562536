"""What runs read, and metrics that were measured on it."""

import sys

import mlflow
import numpy as np
import pandas as pd

mlflow.set_experiment(sys.argv[1])
frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
train = mlflow.data.from_pandas(frame, source="https://example.org/train.csv", name="train", targets="b")
test = mlflow.data.from_pandas(frame * 2, source="https://example.org/test.csv", name="test")
arrays = mlflow.data.from_numpy(np.eye(2), source="s3://bucket/arrays.npz", name="arrays")
with mlflow.start_run(run_name="reading"):
    mlflow.log_input(train, context="training")
    mlflow.log_input(arrays, context="extra", tags={"part": "1"})
    mlflow.log_metric("accuracy", 0.75, step=1, dataset=train)
    mlflow.log_metrics({"recall": 0.5, "precision": 0.25}, step=1, dataset=test)
    mlflow.log_metric("plain", 1)
    mlflow.log_inputs(datasets=[test], contexts=["testing"], tags_list=[{"part": "2"}])
run = mlflow.last_active_run()
print(sorted((item.dataset.name, item.dataset.digest) for item in run.inputs.dataset_inputs))
