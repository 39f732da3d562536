"""From a training to a version that is in use."""

import sys

import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression

mlflow.set_experiment(sys.argv[1])
features, targets = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])
name = sys.argv[1]
with mlflow.start_run(run_name="training") as run:
    made = mlflow.sklearn.log_model(
        LinearRegression().fit(features, targets),
        name="model",
        input_example=features,
        registered_model_name=name,
        pip_requirements=["scikit-learn"],
    )
    print(made.registered_model_version)
version = mlflow.register_model(f"runs:/{run.info.run_id}/model", name, tags={"stage": "candidate"})
print(version.version, version.status)
client = mlflow.MlflowClient()
client.update_registered_model(name, "What it is for.")
client.set_registered_model_tag(name, "team", "blue")
client.update_model_version(name, 2, "The second.")
client.set_registered_model_alias(name, "live", 1)
client.set_registered_model_alias(name, "next", "2")
client.set_model_version_tag(name, "1", "checked", True)
client.delete_model_version_tag(name, "2", "stage")
client.copy_model_version(f"models:/{name}@live", f"{name} copy")
print(mlflow.sklearn.load_model(f"models:/{name}@live").predict(features).round(3).tolist())
print(mlflow.pyfunc.load_model(f"models:/{name}/2").predict(features).round(3).tolist())
print(
    [
        (item.name == name, item.version)
        for item in mlflow.search_model_versions(filter_string=f"name = '{name}'")
    ]
)
print(client.get_model_version_by_alias(name, "next").version)
print(
    [
        sorted(item.aliases.items())
        for item in mlflow.search_registered_models(filter_string=f"name = '{name}'")
    ]
)
