"""A program that is told to end in the middle of a run."""

import os
import signal
import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(run_name="long"):
    mlflow.log_metric("loss", 0.5, step=1)
    os.kill(os.getpid(), signal.SIGTERM)
