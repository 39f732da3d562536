"""What is written down about a run's order: tags for its origin, and the whole order as JSON."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Mapping

from runner.model.run import RunSpec
from runner.model.source import Provenance
from tracking_client.wire import names

ARTIFACT_FOLDER = "runner"
LOG_NAME = "output.log"
LOCK_NAME = "environment.lock"
SPEC_NAME = "run.json"
SWEEP_NAME = "sweep.json"
SOURCE_FOLDER = f"{ARTIFACT_FOLDER}/source"
TICKET_TAG = "runner.ticket"
SOURCE_DIGEST_TAG = "runner.source.digest"
SOURCE_ARTIFACTS_TAG = "runner.source.artifacts"
SKIPPED_TAG = "runner.source.skipped"
ENVIRONMENT_TAG = "runner.environment"
IDENTITY_TAG = "runner.identity"
"""Equal for runs of the same entry point of the same code, with the same environment and parameters."""
LOCK_TAG = "runner.environment.lock"
COMMAND_TAG = "runner.command"


def user_name() -> str:
    """Whoever runs this, by name; by number where it has none (a container's arbitrary user)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())


def recordable(text: str) -> str:
    """`text` as the wire can carry it: bytes of a path that are no text are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def provenance_tags(provenance: Provenance) -> dict[str, str]:
    """The tags that tie a run to its code; names are MLflow's where it has one."""
    tags: dict[str, str | None] = {
        names.SOURCE_NAME: provenance.source_name,
        names.SOURCE_TYPE: "PROJECT",
        names.GIT_COMMIT: provenance.commit,
        names.GIT_BRANCH: provenance.branch,
        names.GIT_REPO_URL: provenance.repository_url,
    }
    if provenance.commit is not None:
        tags[names.GIT_DIRTY] = "false" if provenance.dirty is None else "true"
    return {name: recordable(value) for name, value in tags.items() if value}


def identity(spec: RunSpec) -> str | None:
    """What two runs have in common that do the same thing: hex SHA-256.

    None where nobody can tell: the sources belong to no repository, or part of their changes is not recorded.
    """
    provenance = spec.checkout.provenance
    dirty = provenance.dirty
    if (provenance.commit or provenance.content_digest) is None or (dirty is not None and dirty.skipped):
        return None
    facts = {
        "commit": provenance.commit,
        "content": provenance.content_digest,
        "dirty": dirty.digest if dirty else None,
        "subdirectory": provenance.subdirectory,
        "entry_point": spec.entry_point.name,
        "params": dict(spec.params),
        "environment": spec.environment.fingerprint(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def describe(spec: RunSpec) -> dict[str, object]:
    """The order as JSON, for the dry run and the record. No variable's value is in it, so no secret."""
    provenance = spec.checkout.provenance
    environment = spec.environment
    return {
        "entry_point": spec.entry_point.name,
        "argv": list(spec.command.argv),
        "command": spec.command.display,
        "needs_shell": spec.command.needs_shell,
        "params": dict(spec.params),
        "source": {
            "name": provenance.source_name,
            "directory": str(spec.checkout.directory),
            "commit": provenance.commit,
            "branch": provenance.branch,
            "repository_url": provenance.repository_url,
            "subdirectory": provenance.subdirectory,
            "submodules": dict(provenance.submodule_commits),
            "dirty": provenance.dirty is not None,
            "dirty_digest": provenance.dirty.digest if provenance.dirty else None,
        },
        "environment": {
            "kind": environment.kind,
            "fingerprint": environment.fingerprint(),
            "python": environment.python,
            "requirements": list(environment.requirements),
            "build_requirements": list(environment.build_requirements),
            "docker_image": environment.docker.image if environment.docker else None,
            "notes": list(environment.notes),
        },
        "experiment": {"name": spec.experiment_name, "id": spec.experiment_id},
        "parent_run_id": spec.parent_run_id,
        "run_name": spec.run_name,
        "tags": _tags(spec),
        "backend": spec.backend,
    }


def _tags(spec: RunSpec) -> Mapping[str, str]:
    return {
        **provenance_tags(spec.checkout.provenance),
        names.PROJECT_ENTRY_POINT: spec.entry_point.name,
        names.PROJECT_BACKEND: spec.backend,
        **({} if spec.environment.kind == "local" else {names.PROJECT_ENV: spec.environment.kind}),
        **spec.tags,
    }
