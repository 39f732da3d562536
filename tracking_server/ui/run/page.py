"""One run: what it was given, what it measured, what it left behind."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import names
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import ServerError
from tracking_server.services import Services
from tracking_server.store import runs
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Run
from tracking_server.ui import wording
from tracking_server.ui.frame import page
from tracking_server.ui.run import file_tree, heading
from tracking_server.ui.runs.run_table import table

MAX_CHILDREN = 500


async def show(services: Services, request: Request) -> Response:
    """One run: what it was given, what it measured, what it left behind."""
    run_id = request.path_params["run_id"]

    def look(connection: Connection) -> tuple[heading.Heading, Run, list[Run]]:
        found = runs.get(connection, run_id)
        return heading.of(connection, run_id), found, runs.descendants(connection, [found], MAX_CHILDREN)

    above, found, below = await services.database.read(look)
    files, log, problem = await in_thread(_files, services, found)
    return page(
        request,
        "run.html",
        tab="overview",
        heading=above,
        run=found,
        duration=wording.span(found.info.start_time, found.info.end_time, now_ms()),
        children=table(below, now_ms()),
        files=files,
        files_cut=len(files) >= file_tree.MAX_ENTRIES,
        files_problem=problem,
        log=log,
        note=next((tag.value for tag in found.data.tags if tag.key == names.NOTE), ""),
    )


def _files(services: Services, found: Run) -> tuple[list[file_tree.Entry], file_tree.Log | None, str]:
    try:
        place = services.places.of(found.info.artifact_uri)
        files = file_tree.entries(place, found.info.run_id)
    except (ServerError, OSError) as error:
        return [], None, str(error)
    return files, file_tree.log(place, files), ""
