"""What a sweep was asked for, resolved; and the same again from its folder, when it is resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from runner.manifest.sweeps.record import describe
from runner.model.command import Command
from runner.model.project import EntryPoint
from runner.model.run import RunSpec
from runner.model.source import Checkout, DirtyState, Provenance, SkippedFile
from runner.model.space import Params, text_of
from runner.model.sweep import Sweep
from runner.model.sweep_order import SweepOrder
from runner.recording.record import recordable
from runner.sources.credentials import display_url
from runner.sweeping.budget import points_in_all, trials_in_all
from runner.sweeping.entries import Entry, Extended, Learned
from runner.sweeping.names import (
    EXTENDED_TAG,
    SWEEP_METHOD_TAG,
    SWEEP_OBJECTIVE_TAG,
    SWEEP_SEED_TAG,
    SWEEP_TAG,
    SWEEP_TOTAL_TAG,
    WARM_START_TAG,
)


def fingerprint(order: SweepOrder) -> str:
    """What makes two sweeps the same one: the declaration and the code. Hex SHA-256."""
    trial = order.trial
    provenance = trial.checkout.provenance
    facts = {
        "sweep": describe_sweep(order.sweep, with_seed=False),
        "source": provenance.source_name,
        "commit": provenance.commit,
        "content": provenance.content_digest,
        "dirty": provenance.dirty.digest if provenance.dirty else None,
        "environment": trial.environment.fingerprint(),
        "tracking_uri": display_url(trial.tracking_uri),
        "experiment": [trial.experiment_name, trial.experiment_id],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def describe_sweep(sweep: Sweep, *, with_seed: bool = True) -> dict[str, Any]:
    """The sweep as JSON, as it would stand in a project file."""
    described: dict[str, Any] = describe(sweep)
    if not with_seed:
        described.pop("seed", None)
    return described


def parent_of(order: SweepOrder, learned: Learned | None) -> RunSpec:
    """The order as which a new sweep's own run is recorded."""
    spec = _parent_spec(order.sweep, order.trial)
    tags = {WARM_START_TAG: ", ".join(learned.sources)} if learned else {}
    return replace(spec, run_name=order.run_name, tags={**spec.tags, **tags})


def parent_again(sweep: Sweep, trial: RunSpec, run_id: str, entries: Sequence[Entry]) -> RunSpec:
    """The order as which the run of a resumed sweep goes on: its budget, and how often it was extended."""
    budgets = [sweep.max_trials, *(entry.max_trials for entry in entries if isinstance(entry, Extended))]
    spec = _parent_spec(sweep, trial)
    tags = budget_tags(sweep, budgets)
    # Whose child it is stands in its run; trials are its children.
    return replace(spec, run_id=run_id, run_name=None, parent_run_id=None, tags={**spec.tags, **tags})


def _parent_spec(sweep: Sweep, trial: RunSpec) -> RunSpec:
    objectives = ", ".join(f"{o.metric} {o.goal}" for o in sweep.objectives)
    return replace(
        trial,
        entry_point=EntryPoint(name=sweep.name, description=sweep.description),
        command=Command(
            argv=(),
            needs_shell=False,
            display=f"sweep {sweep.name} of {sweep.entry_point}, by {sweep.method}",
        ),
        params={**sweep.fixed},
        downloads=(),
        keep=None,
        tags={
            **trial.tags,
            SWEEP_TAG: sweep.name,
            SWEEP_METHOD_TAG: sweep.method,
            SWEEP_OBJECTIVE_TAG: recordable(objectives),
            SWEEP_SEED_TAG: str(sweep.seed),
            **budget_tags(sweep, [sweep.max_trials]),
        },
    )


def budget_tags(sweep: Sweep, budgets: Sequence[int | None]) -> dict[str, str]:
    """What is noted of the budgets of a sweep, the present one last."""
    trials = trials_in_all(sweep, points_in_all(sweep, budgets[-1]))
    total = {} if trials is None else {SWEEP_TOTAL_TAG: str(trials)}
    steps = " -> ".join(str(budget or "all") for budget in budgets)
    return {**total, **({EXTENDED_TAG: steps} if len(budgets) > 1 else {})}


def trial_parameters(sweep: Sweep, params: Params, *, seed: int | None = None) -> dict[str, str]:
    """All parameters of a trial as text: what is fixed, what was suggested, and its seed if it gets one."""
    own = {name: text_of(value) for name, value in params.items()}
    seeds = {} if sweep.trial_seed is None or seed is None else {sweep.trial_seed.parameter: str(seed)}
    return {**sweep.fixed, **own, **seeds}


# To the journal, and back.


def describe_order(order: SweepOrder, frozen: Checkout) -> dict[str, Any]:
    """What `trial_from` needs beside the sweep, as JSON."""
    trial = order.trial
    assert frozen.shared_root is not None
    return {
        "directory": str(frozen.directory.relative_to(frozen.shared_root)),
        "project_name": trial.project_name,
        "provenance": _described(frozen.provenance),
        "base": str(trial.base),
        "within": dict(trial.within),
        "env_manager": order.env_manager,
        "docker_args": dict(trial.docker_args),
        "storage_dir": str(trial.storage_dir) if trial.storage_dir else None,
        "backend": trial.backend,
    }


def frozen_trial(trial: RunSpec, frozen: Checkout) -> RunSpec:
    """The order for trials that run the frozen sources."""
    return replace(trial, checkout=frozen, entry_point=replace(trial.entry_point, directory=frozen.directory))


def provenance_of(data: Mapping[str, Any]) -> Provenance:
    """What `describe_order` put down of the sources.

    A dirty tree's patch is with the parent run, not here.
    """
    dirty = data["dirty"]
    return Provenance(
        source_name=data["source_name"],
        commit=data["commit"],
        branch=data["branch"],
        repository_url=data["repository_url"],
        subdirectory=data["subdirectory"],
        submodule_commits=tuple((path, commit) for path, commit in data["submodule_commits"]),
        dirty=dirty
        and DirtyState(
            patch=b"",
            untracked=(),
            skipped=tuple(SkippedFile(path=path, reason=reason) for path, reason in dirty["skipped"]),
            digest=dirty["digest"],
        ),
        content_digest=data["content_digest"],
    )


def _described(provenance: Provenance) -> dict[str, Any]:
    dirty = provenance.dirty
    return {
        "source_name": provenance.source_name,
        "commit": provenance.commit,
        "branch": provenance.branch,
        "repository_url": provenance.repository_url,
        "subdirectory": provenance.subdirectory,
        "submodule_commits": [list(pair) for pair in provenance.submodule_commits],
        "dirty": dirty
        and {"digest": dirty.digest, "skipped": [[file.path, file.reason] for file in dirty.skipped]},
        "content_digest": provenance.content_digest,
    }
