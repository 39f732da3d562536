"""The `sweeps` section of a project file: each sweep by its name, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runner.errors import EntryPointNotFound, ManifestError
from runner.manifest.document import Node
from runner.manifest.findings import Findings
from runner.manifest.sweeps.reader import EntryPoints, read_sweep
from runner.manifest.sweeps.words import in_our_words
from runner.model.sweep import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeps:
    """The sweeps that can be launched, and the first error of each that cannot."""

    good: Mapping[str, Sweep] = field(default_factory=dict)
    broken: Mapping[str, ManifestError] = field(default_factory=dict)


def read_sweeps(node: Node, entry_points: EntryPoints, findings: Findings) -> Sweeps:
    """Reads all sweeps. What is wrong with one stops no other, and no entry point."""
    good: dict[str, Sweep] = {}
    broken: dict[str, ManifestError] = {}
    for name, entry in node.fields.items():
        own = Findings(findings.path)
        sweep = sweep_of(name, entry.node, entry_points, own, key=f"sweeps.{name}")
        _note_clash(name, entry.line, entry_points, own)
        problems = [replace(problem, at_load=False) for problem in own.problems]
        findings.problems.extend(problems)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            broken[name] = min(errors, key=lambda problem: problem.line or 0).error()
        elif sweep is not None:
            good[name] = replace(sweep, line=entry.line)
    return Sweeps(good=good, broken=broken)


def sweep_of(
    name: str, node: Node, entry_points: EntryPoints | None, findings: Findings, *, key: str
) -> Sweep | None:
    """One sweep, others' words in it understood. Not to be used where `findings` holds an error."""
    if not findings.map(node, key=key, what=f"sweep {name!r}"):
        return None
    ours = in_our_words(node, findings, key=key)
    return read_sweep(name, ours, entry_points, findings, key=key)


def _note_clash(name: str, line: int, entry_points: EntryPoints, findings: Findings) -> None:
    try:
        entry_points(name)
    except EntryPointNotFound:
        return
    findings.warning(
        f"{name!r} is a sweep and an entry point: `runner run -e {name}` launches the sweep, "
        f"`mlflow run -e {name}` the entry point",
        line=line,
        key=f"sweeps.{name}",
        hint="--entry-point-only launches the entry point",
    )
