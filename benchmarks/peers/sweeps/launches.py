"""Runs trials as another tool's user would, and prints the seconds that one takes on average.

Usage: python launches.py bare|mlflow|optuna|ray COUNT PARALLEL COMMAND [ARGUMENT ...]
`mlflow` runs the project in this directory, and takes no command.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    tool, count, parallel, command = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    search = {"bare": bare, "mlflow": mlflow_runs, "optuna": optuna_trials, "ray": ray_trials}[tool]
    go = search(command)
    go(parallel, parallel)  # the first ones load what all need
    started = time.perf_counter()
    go(count, parallel)
    print((time.perf_counter() - started) / count)


def bare(command: Sequence[str]) -> Callable[[int, int], object]:
    return lambda count, parallel: _in_threads(lambda _: subprocess.run(command, check=True), count, parallel)


def mlflow_runs(_command: Sequence[str]) -> Callable[[int, int], object]:
    import mlflow

    def launch(turn: int) -> object:
        # As its hyperparameter example launches trials.
        parameters = {"alpha": turn / 1000}
        return mlflow.projects.run(".", parameters=parameters, env_manager="local", synchronous=False).wait()

    return lambda count, parallel: _in_threads(launch, count, parallel)


def optuna_trials(command: Sequence[str]) -> Callable[[int, int], object]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        alpha: float = trial.suggest_float("alpha", 0, 1)
        subprocess.run([*command[:-1], str(alpha)], check=True)
        return alpha

    def search(count: int, parallel: int) -> None:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        study.optimize(objective, n_trials=count, n_jobs=parallel)

    return search


def ray_trials(command: Sequence[str]) -> Callable[[int, int], object]:
    import ray
    from ray import tune

    ray.init(num_cpus=64, include_dashboard=False, log_to_driver=False)

    def trial(config: dict[str, float]) -> dict[str, float]:
        subprocess.run([*command[:-1], str(config["alpha"])], check=True)
        return {"loss": config["alpha"]}

    def search(count: int, parallel: int) -> None:
        tune.Tuner(
            trial,
            param_space={"alpha": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(num_samples=count, max_concurrent_trials=parallel),
            run_config=tune.RunConfig(verbose=0),
        ).fit()

    return search


def _in_threads(launch: Callable[[int], object], count: int, parallel: int) -> None:
    with ThreadPoolExecutor(parallel) as threads:
        for _ in threads.map(launch, range(count)):
            pass


if __name__ == "__main__":
    main()
