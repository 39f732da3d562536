"""A classifier that is logged by itself, with its model, then scored."""

import sys

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

mlflow.set_experiment(sys.argv[1])
mlflow.sklearn.autolog(log_input_examples=True, serialization_format="skops")
generator = np.random.RandomState(0)
features = pd.DataFrame(generator.rand(40, 3), columns=["a", "b", "c"])
classes = (features["a"] > 0.5).astype(int)
with mlflow.start_run(run_name="fit"):
    model = LogisticRegression(C=0.5).fit(features[:30], classes[:30])
    later, answers = features[30:], classes[30:]
    accuracy_score(answers, model.predict(later))
    mlflow.log_metric("own", 1.5)
mlflow.sklearn.autolog(disable=True)
logged = mlflow.last_logged_model()
print(mlflow.pyfunc.load_model(f"models:/{logged.model_id}").predict(later).tolist())
