"""What the page of experiments can change; each is the API's own call, with its checks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import experiments
from tracking_server.api.fields import TagIn
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.ui import forms
from tracking_server.ui.address import here, url
from tracking_server.ui.frame import after_a_change


async def create(services: Services, request: Request) -> Response:
    """Makes an experiment and shows it."""
    form = await forms.read(request)
    made = await experiments.create(services, experiments.Create(name=_name(forms.text(form, "name"))))
    return after_a_change(url("/experiments/" + made["experiment_id"]))


async def rename(services: Services, request: Request) -> Response:
    """Gives an experiment another name."""
    form = await forms.read(request)
    wanted = experiments.Rename(experiment_id=_id(request), new_name=_name(forms.text(form, "name")))
    await experiments.rename(services, wanted)
    return _back(form)


async def delete(services: Services, request: Request) -> Response:
    """Deletes an experiment with its runs; it can be restored."""
    form = await forms.read(request)
    await experiments.delete(services, experiments.ById(experiment_id=_id(request)))
    return _back(form)


async def restore(services: Services, request: Request) -> Response:
    """Brings a deleted experiment back."""
    form = await forms.read(request)
    await experiments.restore(services, experiments.ById(experiment_id=_id(request)))
    return _back(form)


async def set_tag(services: Services, request: Request) -> Response:
    """Sets one tag of an experiment."""
    form = await forms.read(request)
    tag = TagIn(forms.text(form, "key"), forms.text(form, "value"))
    if not tag.key:
        raise InvalidParameter("A tag needs a name.")
    wanted = experiments.ExperimentTag(experiment_id=_id(request), key=tag.key, value=tag.value)
    await experiments.set_tag(services, wanted)
    return _back(form)


async def delete_tag(services: Services, request: Request) -> Response:
    """Removes one tag of an experiment."""
    form = await forms.read(request)
    wanted = experiments.ExperimentTag(experiment_id=_id(request), key=forms.text(form, "key"))
    await experiments.delete_tag(services, wanted)
    return _back(form)


def _id(request: Request) -> str:
    return str(request.path_params["experiment_id"])


def _name(given: str) -> str:
    if not given:
        raise InvalidParameter("An experiment needs a name.")
    return given


def _back(form: forms.Form) -> Response:
    return after_a_change(here(str(form.get("back", "/"))))
