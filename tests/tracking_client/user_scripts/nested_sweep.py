"""A search over two parameters: a parent, its trials, the best of them."""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
mlflow.set_experiment_tags({"team": "blue", "purpose": "comparing"})
with mlflow.start_run(run_name="search", description="All trials are **children**.") as search:
    mlflow.log_params({"space": "small", "seed": 7})
    best = (float("inf"), "")
    for number, (lr, depth) in enumerate([(0.1, 2), (0.01, 3), (0.001, 4)]):
        with mlflow.start_run(run_name=f"trial {number}", nested=True, tags={"kind": "trial"}) as trial:
            mlflow.log_param("lr", lr)
            mlflow.log_params({"depth": depth, "activation": "relu"})
            for epoch in range(5):
                mlflow.log_metrics(
                    {"loss": lr * depth / (epoch + 1), "accuracy": 1 - lr / (epoch + 1)}, step=epoch
                )
            mlflow.log_metric("diverged", float("nan"))
            mlflow.log_metric("largest", float("inf"), step=3)
            mlflow.log_text(f"weights of trial {number}", "model/weights.txt")
            if lr * depth < best[0]:
                best = (lr * depth, trial.info.run_id)
        print(
            mlflow.get_run(trial.info.run_id).info.status,
            mlflow.get_run(trial.info.run_id).data.metrics["loss"],
        )
    mlflow.log_metric("best_loss", best[0], step=3)
    mlflow.set_tags({"best_run": best[1], "finished": True})
children = mlflow.search_runs(
    filter_string=f"tags.mlflow.parentRunId = '{search.info.run_id}'",
    order_by=["metrics.loss ASC"],
    output_format="list",
)
print([(run.info.run_name, run.data.params["lr"]) for run in children])
print(mlflow.get_parent_run(children[0].info.run_id).info.run_name, mlflow.last_active_run().info.run_name)
