"""The log of a run: the page with its end, and what has been added since."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import InvalidParameter, NotFound, ServerError
from tracking_server.services import Services
from tracking_server.store import runs
from tracking_server.ui.address import url
from tracking_server.ui.frame import json_reply, page
from tracking_server.ui.run import heading, logs, tags


async def show(services: Services, request: Request) -> Response:
    """The end of a run's log; a script adds to it while the run goes on."""
    run_id = str(request.path_params["run_id"])

    def look(connection: Connection) -> tuple[heading.Heading, dict[str, str]]:
        above = heading.of(connection, run_id)
        return above, tags.of(connection, above.row_id)

    above, noted = await services.database.read(look)
    wanted = request.query_params.get("path", "")
    paths, part, problem = await in_thread(_end, services, above, wanted)
    path = wanted or (paths[0] if paths else "")
    return page(
        request,
        "run_log.html",
        tab="log",
        heading=above,
        path=path,
        others=[other for other in paths if other != path],
        part=part,
        problem=problem,
        is_over=above.run.status in runs.OVER,
        by_runner=tags.TICKET in noted,
        file_url=_file_url(run_id, path),
        tail_url=url(f"/runs/{run_id}/log/tail", path=wanted),
    )


def _end(services: Services, above: heading.Heading, wanted: str) -> tuple[list[str], logs.Part | None, str]:
    try:
        place = services.places.of(above.run.artifact_uri)
        paths = [wanted] if wanted else logs.find(place)
        return paths, logs.read(place, paths[0]) if paths else None, ""
    except NotFound as error:  # gone meanwhile, or never there
        return [], None, str(error) if wanted else ""
    except (ServerError, OSError) as error:
        return [], None, str(error)


async def tail(services: Services, request: Request) -> Response:
    """What was added to a log, as JSON for the page's script: `logs.Part`, and whether the run is over."""
    run_id = str(request.path_params["run_id"])
    query = request.query_params
    after_bytes = _bytes(query.get("after", "0"))
    row = await services.database.read(lambda connection: runs.find(connection, run_id))
    # Asked before the file is: a log that is complete by now is read to its end.
    is_over = row.status in runs.OVER

    def read() -> tuple[str, logs.Part | None]:
        try:
            place = services.places.of(row.artifact_uri)
            path = query.get("path") or next(iter(logs.find(place)), "")
            return path, logs.read(place, path, after_bytes, query.get("style", "")) if path else None
        except NotFound:
            return "", None

    path, part = await in_thread(read)
    answer = {
        "part": part,
        "path": path,
        "file_url": _file_url(run_id, path),
        "over": is_over,
        "status": row.status,
    }
    return json_reply(request, answer)


def _file_url(run_id: str, path: str) -> str:
    return url("/get-artifact", run_id=run_id, path=path)


def _bytes(given: str) -> int:
    if not (given.isascii() and given.isdecimal()) or len(given) > 18:
        raise InvalidParameter("'after' is a count of bytes.")
    return int(given)
