"""Others' words for the keys and values of a sweep, by ours.

They are what is written in sweep files and searching APIs: W&B, Optuna, Katib, Ray Tune, Hydra, hyperopt,
Guild, and the example of MLflow. Case, `_`, `-` and `.` make no difference.
"""

from __future__ import annotations

import re

Table = dict[str, str]
"""Our word -> theirs, between blanks."""

SWEEP: Table = {
    "max_trials": "run_cap num_samples n_trials max_evals max_runs maxTrialCount num_trials max_iterations",
    "parallel": "max_concurrent_trials parallelTrialCount n_jobs max_p max_concurrent parallelism",
    "method": "algorithm algo sampler search_alg algorithmName",
    "early_terminate": "earlyStopping pruner scheduler early_stopping",
    "engine_options": "algorithmSettings sampler_options",
    "metric": "objective",
    "timeout": "trial_timeout walltime_limit time_limit_per_trial",
    "initial_points": "points_to_evaluate enqueue_trial enqueue_trials initial_configs",
    "warm_start": "prior_run prior_runs",
    "resources": "resources_per_trial",
    "retries": "max_restarts max_failures max_retries",
    "parameters": "search_space space params",
    "reuse_finished": "skip_finished reuse",
    "entry_point": "entrypoint",
}
MOVES: dict[tuple[str, str], str] = {
    ("stop", "max_failure_rate"): "max_failure_rate",
    ("stop", "max_failed_trials"): "maxFailedTrialCount max_failed_trials",
    ("stop", "target"): "loss_threshold",
    ("metric", "goal"): "direction mode goal",
    ("early_terminate", "min_iter"): "grace_period",
    ("early_terminate", "eta"): "reduction_factor",
    ("early_terminate", "max_iter"): "max_t",
}
METRIC: Table = {"name": "objectiveMetricName metric metric_name", "goal": "direction", "target": "threshold"}
EARLY: Table = {
    "type": "algorithmName name",
    "min_iter": "grace_period n_warmup_steps warmup start_step min_resource min_step warmup_steps",
    "max_iter": "max_t max_resource max_step",
    "eta": "reduction_factor",
    "min_trials": "n_min_trials n_startup_trials min_trials_required min_samples_required",
    "interval": "interval_steps",
    "target": "threshold",
}
STOP: Table = {
    "no_improvement": "no_improvement_trials patience",
    "max_time": "timeout time_budget_s",
    "max_failed_trials": "maxFailedTrialCount",
}
RETRIES: Table = {"max": "limit", "on": "causes"}
REPEATS: Table = {"n": "count repeat num_repeats", "top_k": "top_k_only"}
RESOURCES: Table = {"cpus": "cpu", "gpus": "gpu", "memory": "mem"}
METHOD: Table = {
    "tpe": "bayes bayesian bayesopt tpe.suggest TPESampler multivariate-tpe hyperopt",
    "random": "rand rand.suggest random.suggest random_search RandomSampler",
    "grid": "grid_search GridSampler",
    "quasi_random": "qmc sobol halton QMCSampler",
    "anneal": "anneal.suggest annealing",
    "adaptive_tpe": "atpe atpe.suggest",
    "cma_es": "cmaes CmaEsSampler",
    "gaussian_process": "gp GPSampler bayesianoptimization",
    "nsga2": "nsgaii NSGAIISampler",
}
GOAL: Table = {"minimize": "min minimise minimum", "maximize": "max maximise maximum"}
MODE: Table = {"last": "latest final", "min": "minimum", "max": "maximum"}
RULE: Table = {
    "none": "nop NopPruner",
    "median": "medianstop medianstopping median_stopping_rule MedianPruner",
    "percentile": "PercentilePruner",
    "asha": "AsyncHyperBand async_hyperband successive_halving SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner",
    "patience": "PatientPruner plateau",
    "target": "threshold ThresholdPruner",
}
CAUSE: Table = {
    "lost": "preempted node_failure",
    "out_of_memory": "oom",
    "crashed": "error",
    "timeout": "timed_out",
}
SEED_MODE: Table = {"per_trial": "trial", "per_repeat": "repeat"}
ON_FAILURE: Table = {"abort": "raise fail stop", "worst": "bad", "ignore": "skip"}
ENGINE_OPTIONS: Table = {
    "n_startup_trials": "n_startup_jobs n_initial_points",
    "n_ei_candidates": "n_EI_candidates",
    "population_size": "popsize",
    "sigma": "sigma0",
}


def squashed(word: str) -> str:
    """A word without case and separators."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def ours_for(table: Table, word: str) -> str | None:
    """Our word for theirs; None where the table has none."""
    return next(
        (ours for ours, theirs in table.items() if squashed(word) in map(squashed, theirs.split())), None
    )
