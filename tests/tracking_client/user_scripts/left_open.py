"""Runs that nobody ends: one by `end_run` with a status, one by the end of the program, and an implicit one."""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
mlflow.start_run(run_name="killed")
mlflow.end_run("KILLED")
mlflow.start_run(run_name="scheduled")
mlflow.end_run(status="SCHEDULED")
mlflow.log_metric("implicit", 1)
mlflow.set_tag("mlflow.runName", "implicit")
