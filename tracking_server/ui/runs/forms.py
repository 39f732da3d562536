"""What the table of runs can change: runs, by the API's own calls, and what its address shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import runs
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import experiments
from tracking_server.ui import address, forms
from tracking_server.ui.frame import after_a_change
from tracking_server.ui.runs import columns
from tracking_server.ui.runs.view import MOST_CHOSEN, MOST_REMEMBERED_BYTES, REMEMBERED, colour_of

_A_YEAR_S = 31_536_000


async def delete(services: Services, request: Request) -> Response:
    """Deletes the runs that were chosen; they can be restored."""
    form = await forms.read(request)
    chosen = _chosen(form)
    # Together: the writer makes one transaction of all that wait.
    await asyncio.gather(*(runs.delete(services, runs.ById(run_id=run)) for run in chosen))
    return _back(form, request, select=None)


async def restore(services: Services, request: Request) -> Response:
    """Brings deleted runs back."""
    form = await forms.read(request)
    chosen = _chosen(form)
    await asyncio.gather(*(runs.restore(services, runs.ById(run_id=run)) for run in chosen))
    return _back(form, request, select=None)


async def mark(_services: Services, request: Request) -> Response:
    """Pins the runs that were chosen, lets go of them, or gives them a colour: in the address only."""
    form = await forms.read(request)
    chosen = _chosen(form)
    query = _query(form, request)
    wish = forms.text(form, "do")
    if wish in ("pin", "unpin"):
        kept = [run for run in query.getlist("pin") if run not in chosen]
        return _back(form, request, pin=[*kept, *chosen] if wish == "pin" else kept)
    number = colour_of(wish.removeprefix("colour-"))
    if number is None:
        raise InvalidParameter("This form says nothing that can be done with runs.")
    others = [text for text in query.getlist("colour") if text.partition("-")[2] not in chosen]
    return _back(form, request, colour=[*others, *(f"{number}-{run}" for run in chosen)])


async def choose_columns(services: Services, request: Request) -> Response:
    """Shows the columns that were chosen and remembers them for this experiment; without any, forgets."""
    experiment_id = str(request.path_params["experiment_id"])
    # The path of a cookie takes anything: this one is that of an experiment.
    await services.database.read(lambda connection: experiments.get(connection, experiment_id))
    form = await forms.read(request)
    names = [] if form.get("forget") else [str(name) for name in form.getlist("column")]
    chosen = [column.name for column in columns.chosen(names)]
    reply = _back(form, request, column=chosen or None)
    path = _table(request)
    value = urlencode([("column", name) for name in chosen])
    if chosen and len(value) <= MOST_REMEMBERED_BYTES:
        reply.set_cookie(REMEMBERED, value, max_age=_A_YEAR_S, path=path, httponly=True, samesite="lax")
    else:
        reply.delete_cookie(REMEMBERED, path=path)
    return reply


def _chosen(form: forms.Form) -> Sequence[str]:
    chosen = [str(run) for run in dict.fromkeys(form.getlist("run"))]
    if not chosen:
        raise InvalidParameter("No run is selected. Go back and tick some.")
    if len(chosen) > MOST_CHOSEN:
        raise InvalidParameter(f"More than {MOST_CHOSEN:,} runs are selected. Select fewer at a time.")
    return chosen


def _table(request: Request) -> str:
    return f"/experiments/{request.path_params['experiment_id']}"


def _query(form: forms.Form, request: Request) -> QueryParams:
    """The query of the table that the form stood on."""
    given = form.get("back") or request.query_params.get("back", "")
    back = urlsplit(address.here(str(given)))
    return QueryParams(parse_qsl(back.query if back.path == _table(request) else "", keep_blank_values=True))


def _back(form: forms.Form, request: Request, **changes: object) -> Response:
    return after_a_change(address.url(_table(request), _query(form, request), **changes))
