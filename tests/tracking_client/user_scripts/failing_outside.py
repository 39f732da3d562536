"""A run without a block, in a program that breaks."""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
mlflow.start_run(run_name="open")
mlflow.log_metric("loss", 1)
raise RuntimeError("the disk is on fire")
