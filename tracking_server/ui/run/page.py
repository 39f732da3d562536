"""One run at a glance: what it is, what it was given, what it measured, what it belongs to."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import limits, names
from tracking_server.services import Services
from tracking_server.store import nested_runs, runs
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Run
from tracking_server.ui import wording
from tracking_server.ui.frame import page
from tracking_server.ui.run import children, datasets, heading, models, values
from tracking_server.ui.run.source import source_of


async def show(services: Services, request: Request) -> Response:
    """A run, its values narrowed by `?search=`, all of them with `?all=1`. No artifact is looked at."""
    run_id = request.path_params["run_id"]
    search = request.query_params.get("search", "").strip()
    is_all = bool(request.query_params.get("all"))

    def look(connection: Connection) -> tuple[heading.Heading, Run, children.Children, models.Models]:
        found = runs.get(connection, run_id)
        above = heading.of(connection, run_id)
        return above, found, children.of(connection, found), models.of(connection, found)

    above, found, below, linked = await services.database.read(look)
    present_ms = now_ms()
    noted = {tag.key: tag.value for tag in found.data.tags}
    return page(
        request,
        "run.html",
        tab="overview",
        heading=above,
        run=found,
        duration=wording.span(found.info.start_time, found.info.end_time, present_ms),
        is_over=found.info.status in runs.OVER,
        source=source_of(noted),
        exit_code=noted.get(names.EXIT_CODE, ""),
        user=found.info.user_id or noted.get(names.USER, ""),
        search=search,
        values=values.narrowed(found.data, search, first=None if is_all else values.FIRST),
        note=noted.get(names.NOTE, ""),
        most_note_characters=limits.MAX_TAG_VALUE_LENGTH,
        children=below,
        most_counted=nested_runs.MOST_COUNTED,
        models=linked,
        datasets=[datasets.described(used) for used in found.inputs.dataset_inputs],
        spans={
            child.run_id: wording.span(child.start_time, child.end_time, present_ms) for child in below.shown
        },
        now_ms=present_ms,
    )
