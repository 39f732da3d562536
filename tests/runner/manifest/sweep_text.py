"""Sweeps of one entry point, written as YAML."""

from __future__ import annotations

from pathlib import Path

from runner.errors import EntryPointNotFound
from runner.manifest.document import parse_document
from runner.manifest.findings import Findings
from runner.manifest.problem import Problem
from runner.manifest.sweeps.section import sweep_of
from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.model.sweep import Sweep

TRAIN = EntryPoint(
    name="main",
    parameters=(
        Parameter(name="lr", kind="float", default="0.1"),
        Parameter(name="momentum", kind="float", default="0.1", minimum=0, maximum=1),
        Parameter(name="depth", kind="int", default="1"),
        Parameter(name="kind", default="tree"),
        Parameter(name="fast", kind="bool", default="false"),
        Parameter(name="sizes", kind="list", items="int", default="8"),
        Parameter(name="data", kind="path", optional=True),
        Parameter(name="seed", kind="int", default="1"),
    ),
    command="train {lr} {momentum} {depth} {kind} {fast} {sizes} {data} {seed}",
)


def entry_point(name: str) -> EntryPoint:
    if name != "main":
        raise EntryPointNotFound(name, ["main"])
    return TRAIN


def judged(text: str, *, declared: bool = True) -> tuple[Sweep | None, list[Problem]]:
    """What is read of the map of a sweep, and what is found."""
    findings = Findings(Path("MLproject"))
    node = parse_document(text, Path("MLproject"))
    sweep = sweep_of("s", node, entry_point if declared else None, findings, key="sweeps.s")
    return sweep, findings.problems


def read(text: str) -> Sweep:
    """The sweep of a text in which nothing is wrong."""
    sweep, problems = judged(text)
    assert sweep is not None
    assert [str(problem) for problem in problems if problem.severity == "error"] == []
    return sweep


def searching(parameters: str, more: str = "max_trials: 3") -> Sweep:
    """A sweep with these parameters."""
    return read(f"{{metric: loss, parameters: {{{parameters}}}, {more}}}")


def errors(text: str) -> list[str]:
    """The messages of all errors of a text."""
    return [problem.message for problem in judged(text)[1] if problem.severity == "error"]


def notes(text: str) -> list[str]:
    """The messages of all warnings of a text in which nothing is wrong."""
    _, problems = judged(text)
    assert {problem.severity for problem in problems} <= {"warning"}
    return [problem.message for problem in problems]
