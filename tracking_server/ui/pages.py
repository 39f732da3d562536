"""Pages rendered on the server: readable without a script, in both colour schemes.

Everything a client stored is escaped, and the content policy allows no script at all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from tracking_client.wire import names
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import InvalidParameter, ServerError
from tracking_server.services import Services
from tracking_server.store import experiments, runs
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Run
from tracking_server.store.searching import paging, search
from tracking_server.ui import file_tree, wording
from tracking_server.ui.run_table import parent_of, table

if TYPE_CHECKING:
    from jinja2 import Environment

RUNS_PER_PAGE = 50
RECENT_RUNS = 20
MAX_CHILDREN = 500

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)

Page = Callable[[Services, Request], Awaitable[str]]


@cache
def _templates() -> Environment:
    # Imported with the first page: a server that only answers clients never needs it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=wording.moment, number=wording.number)
    return environment


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(**values)


async def home(services: Services, _request: Request) -> str:
    """Experiments and the newest runs of all of them."""

    def look(connection: Connection) -> tuple[Any, Any]:
        listed = search.experiments(connection, paging.SearchRequest(max_results=200))
        return listed, runs.recent(connection, RECENT_RUNS)

    listed, recent = await services.database.read(look)
    experiment_names = {found.experiment_id: found.name for found in listed.items}
    return _render(
        "home.html",
        experiments=listed.items,
        more=listed.next_page_token is not None,
        recent=table(recent, now_ms(), max_columns=0),
        experiment_names=experiment_names,
    )


async def experiment(services: Services, request: Request) -> str:
    """The runs of one experiment, children under their parents; or those that pass a filter, flat."""
    experiment_id = request.path_params["experiment_id"]
    query = request.query_params
    wanted = query.get("filter", "").strip()
    token = query.get("page_token", "")
    problem = ""

    def look(connection: Connection, text: str) -> tuple[Any, Any, list[Run]]:
        found = experiments.get(connection, experiment_id)
        page = search.runs(
            connection,
            [experiment_id],
            paging.SearchRequest(
                filter=text or f"tags.`{names.PARENT_RUN_ID}` IS NULL",
                max_results=RUNS_PER_PAGE,
                page_token=token,
            ),
        )
        below = [] if text else runs.descendants(connection, page.items, MAX_CHILDREN)
        return found, page, below

    try:
        found, page, below = await services.database.read(lambda connection: look(connection, wanted))
    except InvalidParameter as error:
        if not wanted:
            raise
        problem = str(error)
        token = ""
        found, page, below = await services.database.read(lambda connection: look(connection, ""))
    following = {"page_token": page.next_page_token or "", **({"filter": wanted} if wanted else {})}
    return _render(
        "experiment.html",
        experiment=found,
        table=table([*page.items, *below], now_ms()),
        filter=wanted,
        problem=problem,
        next_url=f"?{urlencode(following)}" if page.next_page_token else "",
        children_cut=len(below) >= MAX_CHILDREN,
    )


async def run(services: Services, request: Request) -> str:
    """One run: what it was given, what it measured, what it left behind."""
    run_id = request.path_params["run_id"]

    def look(connection: Connection) -> tuple[Run, Any, list[Run]]:
        found = runs.get(connection, run_id)
        experiment_of = experiments.get(connection, found.info.experiment_id)
        return found, experiment_of, runs.descendants(connection, [found], MAX_CHILDREN)

    found, experiment_of, below = await services.database.read(look)
    files, log, problem = await in_thread(_files, services, found)
    return _render(
        "run.html",
        run=found,
        experiment=experiment_of,
        parent=parent_of(found),
        duration=wording.span(found.info.start_time, found.info.end_time, now_ms()),
        children=table(below, now_ms()),
        files=files,
        files_cut=len(files) >= file_tree.MAX_ENTRIES,
        files_problem=problem,
        log=log,
        note=next((tag.value for tag in found.data.tags if tag.key == names.NOTE), ""),
        reason=next((tag.value for tag in found.data.tags if tag.key == names.END_REASON), ""),
    )


def _files(services: Services, found: Run) -> tuple[list[file_tree.Entry], file_tree.Log | None, str]:
    try:
        place = services.places.of(found.info.artifact_uri)
        files = file_tree.entries(place, found.info.run_id)
    except (ServerError, OSError) as error:
        return [], None, str(error)
    return files, file_tree.log(place, files), ""


async def _style(_request: Request) -> Response:
    return Response(
        (_HERE / "static" / "style.css").read_bytes(),
        media_type="text/css",
        headers={"Cache-Control": "max-age=300"},
    )


def routes(services: Services) -> list[BaseRoute]:
    """The pages as routes."""
    return [
        Route("/", _answer(services, home)),
        Route("/experiments/{experiment_id}", _answer(services, experiment)),
        Route("/runs/{run_id}", _answer(services, run)),
        Route("/static/style.css", _style),
    ]


def _answer(services: Services, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        status = 200
        try:
            html = await page(services, request)
        except ServerError as error:
            status = error.status
            html = _render("problem.html", status=status, message=str(error))
        return HTMLResponse(html, status_code=status, headers={"Content-Security-Policy": _POLICY})

    return answer
