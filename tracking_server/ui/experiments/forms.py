"""What the page of experiments can change; each is the API's own call, with its checks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import experiments
from tracking_server.services import Services
from tracking_server.ui import forms
from tracking_server.ui.address import url
from tracking_server.ui.frame import after_a_change


async def create(services: Services, request: Request) -> Response:
    """Makes an experiment and shows it."""
    form = await forms.read(request)
    made = await experiments.create(services, experiments.Create(name=_name(form)))
    return after_a_change(url("/experiments/" + made["experiment_id"]))


async def rename(services: Services, request: Request) -> Response:
    """Gives an experiment another name."""
    form = await forms.read(request)
    wanted = experiments.Rename(experiment_id=_id(request), new_name=_name(form))
    await experiments.rename(services, wanted)
    return forms.back(form)


async def delete(services: Services, request: Request) -> Response:
    """Deletes an experiment with its runs; it can be restored."""
    form = await forms.read(request)
    await experiments.delete(services, experiments.ById(experiment_id=_id(request)))
    return forms.back(form)


async def restore(services: Services, request: Request) -> Response:
    """Brings a deleted experiment back."""
    form = await forms.read(request)
    await experiments.restore(services, experiments.ById(experiment_id=_id(request)))
    return forms.back(form)


async def set_tag(services: Services, request: Request) -> Response:
    """Sets one tag of an experiment."""
    form = await forms.read(request)
    key, value = forms.tag_key(form), forms.text(form, "value")
    wanted = experiments.ExperimentTag(experiment_id=_id(request), key=key, value=value)
    await experiments.set_tag(services, wanted)
    return forms.back(form)


async def delete_tag(services: Services, request: Request) -> Response:
    """Removes one tag of an experiment."""
    form = await forms.read(request)
    wanted = experiments.ExperimentTag(experiment_id=_id(request), key=forms.text(form, "key"))
    await experiments.delete_tag(services, wanted)
    return forms.back(form)


def _id(request: Request) -> str:
    return str(request.path_params["experiment_id"])


def _name(form: forms.Form) -> str:
    return forms.needed(form, "name", "An experiment needs a name.")
