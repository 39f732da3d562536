"""Keras and JAX, imported ahead and used in forks: many trainings at once give the numbers of a cold one."""

from __future__ import annotations

import threading

from .conftest import Project, Ran

TRAINS = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import sys
import keras
import numpy as np
import pandas
import sklearn.linear_model
keras.utils.set_random_seed(7)
x = np.random.rand(64, 4)
y = x.sum(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, y, epochs=2, verbose=0).history["loss"]
line = sklearn.linear_model.LinearRegression().fit(pandas.DataFrame(x), y)
print(keras.backend.backend(), history, line.coef_.round(6).tolist())
"""


def test_trainings_in_forks_give_the_numbers_of_a_cold_one(project: Project) -> None:
    project.write("script.py", TRAINS)
    results: list[Ran] = []

    def train() -> None:
        results.extend(project.warm("python", "script.py") for _ in range(3))

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    cold = project.cold("python", "script.py")
    for thread in threads:
        thread.join(240)

    assert cold.code == 0
    assert cold.stdout.startswith("jax ")
    assert results == [cold] * 6
    assert (project.said, project.templates.warm_count) == ([], 6)
