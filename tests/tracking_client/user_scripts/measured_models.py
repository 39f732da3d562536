"""Metrics of logged models: by their id, by the step, by the active model."""

import sys

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

mlflow.set_experiment(sys.argv[1])
features, targets = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])
signature = mlflow.models.infer_signature(features, targets)
data = mlflow.data.from_pandas(pd.DataFrame({"a": [1.0]}), source="https://example.org/a.csv", name="a")
external = mlflow.create_external_model("external", params={"size": "7b"}, model_type="agent")
with mlflow.start_run(run_name="training") as run:
    mlflow.log_params({"alpha": 1, "beta": "b"})
    mlflow.log_metric("before", 0.5)
    mlflow.log_metric("before", 0.25, step=1)
    first = mlflow.sklearn.log_model(
        LinearRegression().fit(features, targets),
        name="first",
        signature=signature,
        params={"own": 1},
        tags={"t": 1},
        pip_requirements=["scikit-learn"],
    )
    mlflow.log_metric("after", 0.125)
    mlflow.log_metrics({"both": 1, "of them": 2})
    mlflow.log_metric("another step", 0.5, step=1)
    second = mlflow.sklearn.log_model(
        LinearRegression().fit(features, targets), name="second", step=5, pip_requirements=["scikit-learn"]
    )
    mlflow.log_metric("at five", 5, step=5)
    mlflow.log_metric("by id", 6, step=9, model_id=first.model_id)
    mlflow.log_metric("on data", 7, step=9, model_id=second.model_id, dataset=data)
    mlflow.log_metric("of another", 8, step=9, model_id=external.model_id)
    mlflow.log_metrics({"several": 9, "of another": 10}, step=10, model_id=external.model_id, dataset=data)
    print(mlflow.get_active_model_id())
    with mlflow.set_active_model(model_id=second.model_id) as active:
        print(active.name, mlflow.get_active_model_id() == second.model_id)
        mlflow.log_metric("while active", 11, step=11)
        mlflow.MlflowClient().log_metric(run.info.run_id, "by the client", 12, step=12, timestamp=1234)
        mlflow.log_model_params({"added": "later"})
    print(mlflow.get_active_model_id())
    mlflow.set_active_model(name="by name")
    mlflow.log_metric("by name", 13, step=13)
    mlflow.clear_active_model()
    mlflow.log_metric("cleared", 14, step=14)
with mlflow.start_run(run_id=run.info.run_id):
    mlflow.log_metric("resumed", 15)
mlflow.log_metric("elsewhere", 16, step=5, run_id=run.info.run_id)
with mlflow.start_run(run_name="using"):
    mlflow.log_input(model=mlflow.entities.LoggedModelInput(first.model_id))
    mlflow.log_metric("used", 17, model_id=first.model_id)
    other = mlflow.initialize_logged_model("by hand", tags={"a": "b"})
    mlflow.log_outputs([mlflow.entities.LoggedModelOutput(other.model_id, 0)])
    mlflow.finalize_logged_model(other.model_id, "READY")
print(mlflow.last_logged_model().name)
found = mlflow.search_logged_models(
    filter_string="metrics.after > 0", order_by=[{"field_name": "name"}], output_format="list"
)
print([model.name for model in found])
print(sorted((metric.key, metric.value) for metric in mlflow.get_logged_model(first.model_id).metrics))
