"""What the pages of the registry can change; each is the API's own call, with its checks and its webhooks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import model_versions, registered_models
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store.registry.model_versions import ACTIVE_STAGES
from tracking_server.ui import forms
from tracking_server.ui.address import url
from tracking_server.ui.frame import after_a_change


async def create(services: Services, request: Request) -> Response:
    """Makes a registered model without versions and shows it."""
    form = await forms.read(request)
    name = forms.text(form, "name")
    description = forms.lines(form, "description") if "description" in form else ""
    await registered_models.create(services, registered_models.Create(name=name, description=description))
    return after_a_change(url(f"/models/{name}"))


async def rename(services: Services, request: Request) -> Response:
    """Gives a model another name."""
    form = await forms.read(request)
    new_name = forms.text(form, "name")
    await registered_models.rename(services, registered_models.Rename(name=_name(request), new_name=new_name))
    return after_a_change(url(f"/models/{new_name}"))


async def describe(services: Services, request: Request) -> Response:
    """Changes the description of a model."""
    form = await forms.read(request)
    wanted = registered_models.Update(name=_name(request), description=forms.lines(form, "description"))
    await registered_models.update(services, wanted)
    return _to_model(request)


async def set_tag(services: Services, request: Request) -> Response:
    """Sets one tag of a model."""
    form = await forms.read(request)
    key, value = forms.tag_key(form), forms.text(form, "value")
    await registered_models.set_tag(
        services, registered_models.ModelTag(name=_name(request), key=key, value=value)
    )
    return _to_model(request)


async def delete_tag(services: Services, request: Request) -> Response:
    """Removes one tag of a model."""
    form = await forms.read(request)
    wanted = registered_models.ModelTagKey(name=_name(request), key=forms.tag_key(form))
    await registered_models.delete_tag(services, wanted)
    return _to_model(request)


async def set_alias(services: Services, request: Request) -> Response:
    """Lets an alias point at a version."""
    form = await forms.read(request)
    alias, version = forms.text(form, "alias"), forms.text(form, "version")
    wanted = registered_models.NewAlias(name=_name(request), alias=alias, version=version)
    await registered_models.set_alias(services, wanted)
    return _back(request, form)


async def delete_alias(services: Services, request: Request) -> Response:
    """Removes an alias."""
    form = await forms.read(request)
    wanted = registered_models.ByAlias(name=_name(request), alias=forms.text(form, "alias"))
    await registered_models.delete_alias(services, wanted)
    return _back(request, form)


async def delete(services: Services, request: Request) -> Response:
    """Deletes a model with its versions, for good: its name is typed to confirm it."""
    form = await forms.read(request)
    if forms.text(form, "confirmed") != _name(request).strip():
        raise InvalidParameter("Nothing was deleted: the name that was typed is not that of the model.")
    await registered_models.delete(services, registered_models.ByName(name=_name(request)))
    return after_a_change("/models")


async def describe_version(services: Services, request: Request) -> Response:
    """Changes the description of a version."""
    form = await forms.read(request)
    name, version = _name(request), _version(request)
    description = forms.lines(form, "description")
    await model_versions.update(
        services, model_versions.Update(name=name, version=version, description=description)
    )
    return _to_version(request)


async def set_version_tag(services: Services, request: Request) -> Response:
    """Sets one tag of a version."""
    form = await forms.read(request)
    key, value = forms.tag_key(form), forms.text(form, "value")
    wanted = model_versions.VersionTag(name=_name(request), version=_version(request), key=key, value=value)
    await model_versions.set_tag(services, wanted)
    return _to_version(request)


async def delete_version_tag(services: Services, request: Request) -> Response:
    """Removes one tag of a version."""
    form = await forms.read(request)
    wanted = model_versions.VersionTagKey(
        name=_name(request), version=_version(request), key=forms.tag_key(form)
    )
    await model_versions.delete_tag(services, wanted)
    return _to_version(request)


async def move(services: Services, request: Request) -> Response:
    """Puts a version into a stage; others that are in it are archived where that was ticked."""
    form = await forms.read(request)
    stage = forms.text(form, "stage")
    wanted = model_versions.Transition(
        name=_name(request),
        version=_version(request),
        stage=stage,
        # From the others nobody can be driven out.
        archive_existing_versions=form.get("archive") == "yes" and stage in ACTIVE_STAGES,
    )
    await model_versions.transition(services, wanted)
    return _to_version(request)


async def delete_version(services: Services, request: Request) -> Response:
    """Deletes a version, for good."""
    await forms.read(request)
    wanted = model_versions.ByVersion(name=_name(request), version=_version(request))
    await model_versions.delete(services, wanted)
    return _to_model(request)


def _name(request: Request) -> str:
    return str(request.path_params["name"])


def _version(request: Request) -> str:
    return str(request.path_params["version"])


def _to_model(request: Request) -> Response:
    return after_a_change(url(f"/models/{_name(request)}"))


def _to_version(request: Request) -> Response:
    return after_a_change(url(f"/models/{_name(request)}/versions/{_version(request)}"))


def _back(request: Request, form: forms.Form) -> Response:
    """To the version whose page the form was on, else to the model."""
    shown = str(form.get("shown", ""))
    path = f"/models/{_name(request)}" + (f"/versions/{shown}" if shown.isdigit() else "")
    return after_a_change(url(path))
