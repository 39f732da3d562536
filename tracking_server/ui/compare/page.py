"""Any number of runs beside one another; the same as CSV and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import NotFound
from tracking_server.services import Services
from tracking_server.store.clock import now_ms
from tracking_server.ui.address import url
from tracking_server.ui.compare import code, export, patches, question
from tracking_server.ui.compare.column_order import SORTED_BY
from tracking_server.ui.compare.comparison import Comparison
from tracking_server.ui.compare.comparison import of as comparison_of
from tracking_server.ui.compare.question import SECTIONS, Question
from tracking_server.ui.frame import page

MOST_CHARTS = 5
"""So many experiments get a link to the curves of their runs."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """A comparison with what lies among the artifacts; `origins` None where there is no run."""

    comparison: Comparison
    origins: code.Origins | None
    patches: patches.Patches | None = None


async def show(services: Services, request: Request) -> Response:
    """Runs beside one another: their parameters, metrics, tags, code and environment."""
    asked, moves = question.read(request.query_params)
    if moves:
        return RedirectResponse(asked.address(), status_code=303)
    if not asked.run_ids:
        return page(request, "compare_empty.html", missing=())
    whole = await _whole(services, asked, with_patches=True)
    comparison = whole.comparison
    if not comparison.columns:
        return page(request, "compare_empty.html", missing=comparison.missing, status=404)
    return page(
        request,
        "compare.html",
        comparison=comparison,
        columns=comparison.columns,
        question=asked,
        titles=SECTIONS,
        sorted_by=SORTED_BY,
        sections=comparison.sections,
        patches=whole.patches,
        between=code.between(comparison, whole.origins) if whole.origins else [],
        charts=_charts(comparison),
    )


def _charts(comparison: Comparison) -> list[tuple[str, str]]:
    """Where the curves of the runs are: the name of an experiment and the address, for each of the first."""
    runs: dict[tuple[str, str], list[str]] = {}
    for column in comparison.columns:
        runs.setdefault((column.experiment_id, column.experiment), []).append(column.run_id)
    return [
        (name, url(f"/experiments/{experiment_id}/charts", run=run_ids))
        for (experiment_id, name), run_ids in list(runs.items())[:MOST_CHARTS]
    ]


async def _whole(
    services: Services, asked: Question, *, with_patches: bool = False, most_rows: int | None = None
) -> _Whole:
    present_ms = now_ms()

    def look(connection: Connection) -> tuple[Comparison, code.Origins | None]:
        found = comparison_of(connection, asked, present_ms, most_rows)
        return found, code.origins(connection, found) if found.columns else None

    comparison, origins = await services.database.read(look)
    if origins is None:
        return _Whole(comparison, None)
    columns = range(len(comparison.columns))
    wants_locks = "environment" in asked.open
    locks = [origins.lock_of(column) for column in columns] if wants_locks else []
    changed = [origins.patch_of(column) for column in columns] if with_patches else []
    lock_files = await code.read_files(services, origins, locks)
    patch_files = await code.read_files(services, origins, changed)

    def put_together() -> _Whole:
        more = [
            code.code_section(comparison, origins, most_rows),
            code.environment_section(comparison, origins, lock_files, most_rows),
        ]
        sections = {section.name: section for section in [*comparison.sections, *more]}
        ordered = [sections[name] for name in SECTIONS]
        whole = replace(comparison, sections=ordered)
        found = patches.of(whole, origins, patch_files) if with_patches else None
        return _Whole(whole, origins, found)

    # Comparing the texts of two hundred runs takes a moment, in which others are answered.
    return await in_thread(put_together)


async def as_csv(services: Services, request: Request) -> Response:
    """The rows of the page, with those that it has no room for, as CSV."""
    comparison = await _exported(services, request)
    return await in_thread(export.as_csv, comparison)


async def as_json(services: Services, request: Request) -> Response:
    """The rows of the page, with those that it has no room for, as JSON."""
    comparison = await _exported(services, request)
    return await in_thread(export.as_json, comparison)


async def _exported(services: Services, request: Request) -> Comparison:
    asked, _ = question.read(request.query_params)
    whole = await _whole(services, asked, most_rows=export.most_rows(len(asked.run_ids)))
    if not whole.comparison.columns:
        raise NotFound("None of these runs is in the store.")
    return whole.comparison
