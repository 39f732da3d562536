"""The keys of a sweep in our own words; `words` and `parameter_words` know the words of others."""

from __future__ import annotations

from runner.manifest.keys import Keys

SWEEP = Keys(
    "a sweep",
    (
        "entry_point",
        "description",
        "method",
        "engine",
        "engine_options",
        "metric",
        "metrics",
        "constraints",
        "parameters",
        "max_trials",
        "parallel",
        "early_terminate",
        "stop",
        "retries",
        "timeout",
        "on_failure",
        "seed",
        "trial_seed",
        "repeats",
        "deterministic",
        "window",
        "baseline",
        "initial_points",
        "warm_start",
        "reuse_finished",
        "resources",
        "warm",
    ),
)
METRIC = Keys("a metric", ("name", "goal", "mode", "target"))
CONSTRAINT = Keys("a constraint", ("metric", "min", "max", "relative_to"))
EARLY_TERMINATE = Keys(
    "early_terminate",
    (
        "type",
        "metric",
        "min_iter",
        "max_iter",
        "eta",
        "brackets",
        "min_trials",
        "interval",
        "percentile",
        "patience",
        "min_delta",
        "target",
    ),
)
STOP = Keys("stop", ("target", "no_improvement", "max_time", "max_failed_trials", "max_failure_rate"))
RETRIES = Keys("retries", ("max", "on"))
TRIAL_SEED = Keys("trial_seed", ("parameter", "mode"))
REPEATS = Keys("repeats", ("n", "aggregate", "top_k"))
BASELINE = Keys("a baseline", ("parameters", "cap"))
RESOURCES = Keys("resources", ("cpus", "gpus", "memory"))

VALUE = ("value", "when")
VALUES = ("values", "probabilities", "when")
RANGE = ("min", "max", "log", "step", "type", "when")
NORMAL = ("mu", "sigma", "log", "step", "when")
SEARCHED = Keys(
    "a searched parameter",
    ("value", "values", "probabilities", "min", "max", "log", "step", "type", "mu", "sigma", "when"),
)
