"""A small network, logged by the callback, and its model."""

import sys

import keras
import mlflow
import numpy as np

mlflow.set_experiment(sys.argv[1])
keras.utils.set_random_seed(1)
features = np.random.RandomState(0).rand(32, 3).astype("float32")
targets = features @ np.array([[1.0], [2.0], [3.0]], "float32")
network = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1, name="y")], name="small")
network.compile(optimizer=keras.optimizers.SGD(0.1, name="sgd"), loss="mse")
with mlflow.start_run(run_name="fit"):
    network.fit(
        features, targets, epochs=3, batch_size=8, verbose=0, callbacks=[mlflow.keras.MlflowCallback()]
    )
    signature = mlflow.models.infer_signature(features[:2], network.predict(features[:2], verbose=0))
    made = mlflow.keras.log_model(
        network, name="network", signature=signature, step=2, pip_requirements=["keras"]
    )
    mlflow.log_metric("test_loss", 0.25, step=2)
print(mlflow.keras.load_model(made.model_uri).predict(features[:2], verbose=0).shape)
