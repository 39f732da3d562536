"""What the page of a run can change; each is the API's own call, with its checks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import names
from tracking_server.api import run_data, runs
from tracking_server.services import Services
from tracking_server.ui import forms
from tracking_server.ui.address import url


async def rename(services: Services, request: Request) -> Response:
    """Gives a run another name."""
    form = await forms.read(request)
    name = forms.needed(form, "name", "A run needs a name.")
    await runs.update(services, runs.Update(run_id=_id(request), run_name=name))
    return _back(request, form)


async def delete(services: Services, request: Request) -> Response:
    """Deletes a run; it can be restored."""
    form = await forms.read(request)
    await runs.delete(services, runs.ById(run_id=_id(request)))
    return _back(request, form)


async def restore(services: Services, request: Request) -> Response:
    """Brings a deleted run back."""
    form = await forms.read(request)
    await runs.restore(services, runs.ById(run_id=_id(request)))
    return _back(request, form)


async def set_tag(services: Services, request: Request) -> Response:
    """Sets one tag of a run."""
    form = await forms.read(request)
    await _set_tag(services, request, forms.tag_key(form), forms.text(form, "value"))
    return _back(request, form)


async def delete_tag(services: Services, request: Request) -> Response:
    """Removes one tag of a run."""
    form = await forms.read(request)
    gone = run_data.LogText(run_id=_id(request), key=forms.text(form, "key"))
    await run_data.delete_tag(services, gone)
    return _back(request, form)


async def describe(services: Services, request: Request) -> Response:
    """Sets the description of a run, in Markdown."""
    form = await forms.read(request)
    await _set_tag(services, request, names.NOTE, forms.lines(form, "description"))
    return _back(request, form)


async def _set_tag(services: Services, request: Request, key: str, value: str) -> None:
    await run_data.set_tag(services, run_data.LogText(run_id=_id(request), key=key, value=value))


def _id(request: Request) -> str:
    return str(request.path_params["run_id"])


def _back(request: Request, form: forms.Form) -> Response:
    return forms.back(form, url("/runs/" + _id(request)))
