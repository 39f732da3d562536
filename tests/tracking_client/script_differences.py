"""Where users' scripts deliberately leave something else with our client than with MLflow's: what, and why.

A difference names the scripts and the places that it is about, and what is there; it hides nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

ANYTHING: Any = object()
"""Where what is there is told by the reason."""

BY_US = ("ours to ours", "ours to mlflow", "ours offline to ours", "ours offline to mlflow")
OFFLINE = ("ours offline to ours", "ours offline to mlflow")
EVERY = ("mlflow to ours", *BY_US)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`scripts` and `place` are patterns. MLflow's client and server have `theirs`, the `ways` have `ours`."""

    scripts: str
    place: str
    ways: tuple[str, ...] = BY_US
    theirs: Any = ANYTHING
    ours: Any = ANYTHING
    why: str

    def is_about(self, script: str, way: str) -> bool:
        """Whether it is to be met there."""
        return way in self.ways and re.fullmatch(self.scripts, script) is not None

    def covers(self, place: str, theirs: Any, ours: Any) -> bool:
        """Whether it explains what the two have at `place`."""
        return (
            re.fullmatch(self.place, place, re.DOTALL) is not None
            and self.theirs in (ANYTHING, theirs)
            and self.ours in (ANYTHING, ours)
        )


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        scripts="failing_outside",
        place="run open/info/status",
        theirs="FINISHED",
        ours="FAILED",
        why="An exception that nobody caught ends the run as FAILED, also outside of a `with` block.",
    ),
    Difference(
        scripts="terminated",
        place="run long/info/status",
        theirs="RUNNING",
        ours="KILLED",
        why="A program that SIGTERM ends says so; MLflow's run stays RUNNING for good.",
    ),
    Difference(
        scripts="terminated",
        place="run long/info/end_time",
        theirs=None,
        ours="(a time)",
        why="As its status.",
    ),
    Difference(
        scripts="registry",
        place="model model of training/tags mlflow.modelVersions",
        ways=EVERY,
        why="Each version is noted once. MLflow's client and its server both note it, once as a number and once as "
        "a text.",
    ),
    Difference(
        scripts="rich_artifacts",
        place=r"run files/file images/samples\+.*\+compressed\.webp",
        why="A thumbnail is not larger than its picture.",
    ),
    Difference(
        scripts="measured_models",
        place="model (external|by name) of .*/file MLmodel (mlflow_version|is_signature.*|type_hint.*)",
        ours=None,
        why="The description of a model whose files are elsewhere says that and no more.",
    ),
    Difference(
        scripts="searching",
        place="run run 0/.*",
        ways=OFFLINE,
        ours=None,
        why="A run that was deleted offline is not sent.",
    ),
    Difference(
        scripts="sklearn_autolog",
        place=r"model model of fit/file (conda\.yaml|constraints\.txt|requirements\.txt)",
        why="What the model needs is pinned, and what that needs is held in constraints.txt; MLflow names whatever "
        "the import of the model happened to load, pytest included.",
    ),
    Difference(
        scripts="sklearn_autolog",
        place=r"run fit/file (estimator\.html|training_\w+\.png)",
        why="The figures are scikit-learn's own, drawn without MLflow's style; the page has no frame of MLflow's.",
    ),
    Difference(
        scripts="sklearn_autolog",
        place="run fit/inputs/dataset_inputs dataset 72b94109/.*",
        ours=None,
        why="The data that a score was computed of is recorded with the score, not with every call of `predict`.",
    ),
)
