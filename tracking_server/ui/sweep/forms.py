"""What people want of a sweep that runs: a tag of its own run, which whoever conducts it reads and obeys."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import run_data
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.ui import forms
from tracking_server.ui.run import heading
from tracking_server.ui.sweep.trials import SWEEP, WISH, tags_of_sweep

_MOST_TRIALS = 10_000_000
_WISHES = ("stop", "stop now")


async def wish(services: Services, request: Request) -> Response:
    """Notes what somebody wants of a running sweep: `stop`, `stop now`, or `extend` to a number of trials."""
    run_id = str(request.path_params["run_id"])
    form = await forms.read(request)
    wanted = forms.text(form, "wish")
    if wanted == "extend":
        wanted = f"extend {_number(forms.text(form, 'max_trials'))}"
    elif wanted not in _WISHES:
        raise InvalidParameter("A sweep can be stopped and extended, nothing else.")

    def look(connection: Connection) -> tuple[bool, str]:
        above = heading.of(connection, run_id)
        return SWEEP in tags_of_sweep(connection, above.row_id), above.run.status

    is_runners, status = await services.database.read(look)
    if not is_runners:
        raise InvalidParameter("This run is no sweep of `runner`: nobody would hear of it.")
    if status != "RUNNING":
        raise InvalidParameter("This sweep does not run any more: nobody would hear of it.")
    await run_data.set_tag(services, run_data.LogText(run_id=run_id, key=WISH, value=wanted))
    return forms.back(form)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= _MOST_TRIALS):
        raise InvalidParameter("The number of trials in all is a whole number above 0.")
    return int(text)
