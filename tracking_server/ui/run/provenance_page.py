"""Where a run comes from: its code with uncommitted changes, environment, command, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import names
from tracking_server.artifacts.threads import in_thread
from tracking_server.services import Services
from tracking_server.ui import diff
from tracking_server.ui.address import url
from tracking_server.ui.frame import page
from tracking_server.ui.run import heading, recorded, reproduce, tags
from tracking_server.ui.run.source import source_of

MOST_DIFF_LINES = 3_000
MOST_LOCK_LINES = 2_000

_COMMAND_TAG = "runner.command"
_ENVIRONMENT_TAG = "runner.environment"
_IDENTITY_TAG = "runner.identity"
_PYTHON_LINE = "# python "
Facts = list[tuple[str, str]]


async def show(services: Services, request: Request) -> Response:
    """What was noted of a run's origin, and what of it is stored."""
    run_id = str(request.path_params["run_id"])

    def look(connection: Connection) -> tuple[heading.Heading, dict[str, str], recorded.Places]:
        above = heading.of(connection, run_id)
        noted = tags.of(connection, above.row_id)
        return above, noted, recorded.places(connection, run_id, noted)

    above, noted, where = await services.database.read(look)
    found = await in_thread(recorded.read, services, where)
    source = source_of(noted)
    lock = found.lock.text.splitlines() if found.lock is not None else []
    return page(
        request,
        "run_provenance.html",
        tab="provenance",
        heading=above,
        source=source,
        code=_code(found.order),
        skipped=[word for word in noted.get(recorded.SKIPPED_TAG, "").split(", ") if word],
        patch=None if found.patch is None else diff.parsed(found.patch.text, MOST_DIFF_LINES),
        patch_file=found.patch,
        patch_url=_file_url(None if found.patch is None else found.patch.where),
        untracked_url=_file_url(found.untracked),
        stored_with=None if where.sources is None or where.sources.run_id == run_id else where.sources.run_id,
        command=noted.get(_COMMAND_TAG, ""),
        again=reproduce.commands(
            source,
            found.order,
            experiment_name=above.experiment.name,
            has_patch=found.patch is not None and found.patch.size_bytes > 0,
            has_untracked=found.untracked is not None,
        ),
        parameters_left_out=_left_out(found.order),
        environment=_environment(noted, found.order, lock),
        lock=lock[:MOST_LOCK_LINES],
        lock_cut=len(lock) > MOST_LOCK_LINES or (found.lock is not None and found.lock.is_cut),
        lock_packages=sum(1 for line in lock if line.strip() and not line.startswith("#")),
        lock_url=_file_url(None if found.lock is None else found.lock.where),
        problem=found.problem,
        is_known=bool(
            source.name or source.commit or found.order or found.patch or lock or noted.get(_COMMAND_TAG)
        ),
    )


def _file_url(where: recorded.Where | None) -> str:
    return "" if where is None else url("/get-artifact", run_id=where.run_id, path=where.path)


def _code(order: Mapping[str, Any]) -> Facts:
    """What the order says of the code beyond what tags say."""
    source = order.get("source")
    if not isinstance(source, dict):
        return []
    submodules = source.get("submodules")
    facts = [("Project within the repository", source.get("subdirectory"))]
    if isinstance(submodules, dict):
        facts += [(f"Submodule {path}", commit) for path, commit in list(submodules.items())[:50]]
    return [(name, text) for name, text in facts if isinstance(text, str) and text]


def _environment(noted: Mapping[str, str], order: Mapping[str, Any], lock: list[str]) -> Facts:
    described = order.get("environment")
    environment: Mapping[str, Any] = described if isinstance(described, dict) else {}
    python = next((line.removeprefix(_PYTHON_LINE) for line in lock if line.startswith(_PYTHON_LINE)), "")
    facts = [
        ("Kind", environment.get("kind") or noted.get(names.PROJECT_ENV)),
        ("Python", python or environment.get("python")),
        ("Docker image", environment.get("docker_image") or noted.get(names.DOCKER_IMAGE_URI)),
        ("Backend", noted.get(names.PROJECT_BACKEND)),
        ("User", noted.get(names.USER)),
        ("Fingerprint", noted.get(_ENVIRONMENT_TAG)),
        ("Identity of the run", noted.get(_IDENTITY_TAG)),
    ]
    return [(name, text) for name, text in facts if isinstance(text, str) and text]


def _left_out(order: Mapping[str, Any]) -> int:
    params = order.get("params")
    return max(0, len(params) - reproduce.MOST_PARAMETERS) if isinstance(params, dict) else 0
