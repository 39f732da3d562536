"""A run that is taken up again, and a child that is made of it later."""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(
    run_name="first", tags={"a": "1", "version": "2"}, description="What it is *for*."
) as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_metric("loss", 2, step=0, timestamp=1000)
with mlflow.start_run(run_id=run.info.run_id, tags={"again": "yes"}) as again:
    print(again.info.run_name, again.data.params, again.data.tags["a"])
    mlflow.log_metric("loss", 1, step=1, timestamp=2000)
    mlflow.log_param("momentum", 0.9)
    mlflow.set_tag("a", "2")
    mlflow.set_tag("gone", "soon")
    mlflow.delete_tag("gone")
with mlflow.start_run(parent_run_id=run.info.run_id, run_name="child"):
    mlflow.log_metric("loss", 0.5)
mlflow.log_metrics({"late": 3}, run_id=run.info.run_id, step=4)
mlflow.log_params({"late": "also"}, run_id=run.info.run_id)
mlflow.log_text("late", "late.txt", run_id=run.info.run_id)
client = mlflow.MlflowClient()
print(
    [
        (point.step, point.value, point.timestamp)
        for point in client.get_metric_history(run.info.run_id, "loss")
    ]
)
print(mlflow.active_run(), mlflow.get_run(run.info.run_id).info.status)
