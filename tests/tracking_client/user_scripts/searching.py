"""Questions about runs and experiments."""

import sys

import mlflow

experiment = mlflow.set_experiment(sys.argv[1])
for number in range(4):
    with mlflow.start_run(run_name=f"run {number}", tags={"odd": str(number % 2)}):
        mlflow.log_param("number", number)
        mlflow.log_metric("score", number / 4)
        if number == 3:
            mlflow.log_metric("only here", 1)
frame = mlflow.search_runs(order_by=["metrics.score DESC"])
print(
    frame[
        ["tags.mlflow.runName", "params.number", "metrics.score", "metrics.only here", "status"]
    ].to_string()
)
print(sorted(frame.columns))
print(str(frame["start_time"].dtype).startswith("datetime64"), frame["start_time"].dt.tz)
for question in (
    "metrics.score >= 0.5",
    "params.number = '1' AND tags.odd = '1'",
    "attributes.run_name LIKE 'run%' AND metrics.score < 0.5",
    "status = 'FINISHED' AND tags.odd != '1'",
    "attributes.run_name ILIKE 'RUN 3'",
):
    found = mlflow.search_runs(
        [experiment.experiment_id],
        question,
        order_by=["params.number ASC"],
        output_format="list",
        max_results=10,
    )
    print(question, [run.info.run_name for run in found])
print(len(mlflow.search_runs(experiment_names=[sys.argv[1]], output_format="list", max_results=2)))
client = mlflow.MlflowClient()
page = client.search_runs([experiment.experiment_id], max_results=3, order_by=["params.number ASC"])
rest = client.search_runs(
    [experiment.experiment_id], max_results=3, order_by=["params.number ASC"], page_token=page.token
)
print([run.info.run_name for run in page], [run.info.run_name for run in rest], rest.token)
mlflow.delete_run(page[0].info.run_id)
mlflow.delete_run(page[1].info.run_id)
client.restore_run(page[1].info.run_id)
deleted = client.search_runs([experiment.experiment_id], run_view_type=mlflow.entities.ViewType.DELETED_ONLY)
print([run.info.run_name for run in deleted])
named = mlflow.search_experiments(filter_string=f"name = '{sys.argv[1]}'")
print(len(named), mlflow.get_experiment_by_name(sys.argv[1]).lifecycle_stage)
