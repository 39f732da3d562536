"""Two runs that break: one whose error is caught, one that ends the program."""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
try:
    with mlflow.start_run(run_name="caught"):
        mlflow.log_metric("loss", 1)
        raise ValueError("too large")
except ValueError:
    print("went on")
with mlflow.start_run(run_name="outer"), mlflow.start_run(run_name="inner", nested=True):
    mlflow.log_param("lr", 0.1)
    raise RuntimeError("the disk is on fire")
