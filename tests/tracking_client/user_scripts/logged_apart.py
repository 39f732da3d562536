"""The client's methods, without a run at hand."""

import sys

import mlflow

client = mlflow.tracking.MlflowClient()
experiment_id = client.create_experiment(sys.argv[1], tags={"made": "apart"})
client.set_experiment_tag(experiment_id, "more", "tags")
run = client.create_run(
    experiment_id, run_name="apart", tags={"mlflow.user": "somebody", "t": "1"}, start_time=5000
)
run_id = run.info.run_id
client.log_metric(run_id, "loss", 3.5, timestamp=6000, step=1)
client.log_batch(
    run_id,
    metrics=[mlflow.entities.Metric("loss", 2.5, 7000, 2), mlflow.entities.Metric("loss", 1.5, 8000, 3)],
    params=[mlflow.entities.Param("lr", "0.1")],
    tags=[mlflow.entities.RunTag("t", "2")],
)
client.log_param(run_id, "depth", 3)
client.set_tag(run_id, "u", 1)
client.log_text(run_id, "text", "a/b.txt")
client.log_dict(run_id, {"k": "v"}, "c.json")
client.update_run(run_id, name="apart, renamed")
client.set_terminated(run_id, "FINISHED", 9000)
other = client.create_run(experiment_id, run_name="other", start_time=5001)
client.set_terminated(other.info.run_id, status="FAILED", end_time=9001)
print([item.path for item in client.list_artifacts(run_id)], client.get_run(run_id).data.tags["t"])
print([(point.value, point.step, point.timestamp) for point in client.get_metric_history(run_id, "loss")])
try:
    client.log_param(run_id, "lr", "0.2")
    client.get_run(run_id)
except mlflow.exceptions.MlflowException as error:
    print(error.error_code)
try:
    client.get_run("0" * 32)
except mlflow.MlflowException as error:
    print(error.error_code)
try:
    client.create_experiment(sys.argv[1])
except mlflow.MlflowException as error:
    print(error.error_code)
