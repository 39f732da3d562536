"""The client's calls about registered models: their life, tags, aliases, and finding them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.errors import AlreadyExists
from tracking_client.once import call_once
from tracking_client.transport import Transport
from tracking_client.wire import names
from tracking_client.wire.entities import PagedList
from tracking_client.wire.fields import without_none
from tracking_client.wire.paging import every_item
from tracking_client.wire.pairs import pairs_to_wire

if TYPE_CHECKING:
    from tracking_client.wire.entities import ModelVersion, RegisteredModel

_API = "/api/2.0/mlflow/registered-models"
_NO_PROMPTS = f"tag.`{names.IS_PROMPT}` != 'true'"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_OR = re.compile(r"\bOR\b", re.IGNORECASE)
SEARCH_REGISTERED_MODELS_MAX_RESULTS = 100
REGISTERED_MODELS_PER_PAGE = 1000


class RegisteredModelCalls:
    """Registered models of one tracking server. Every method raises ApiError and TransportError.

    MLflow's client asks for the model before each change, to refuse what is a prompt; this one does not.
    """

    transport: Transport

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Creates a registered model without versions. Raises AlreadyExists where the name is taken."""
        body: dict[str, Any] = without_none({"name": name, "description": description})
        if tags:
            body["tags"] = _tags(tags)
        try:
            return _model(self.transport.call("POST", f"{_API}/create", body=body)["registered_model"])
        except AlreadyExists as error:
            # The first attempt's answer was lost: what "already exists" is most likely our own.
            if error.maybe_repeated:
                return self.get_registered_model(name)
            raise

    def get_registered_model(self, name: str) -> RegisteredModel:
        """The registered model. Raises NotFound."""
        return _model(self.transport.call("GET", f"{_API}/get", query={"name": name})["registered_model"])

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Gives the model and its versions another name. Raises NotFound, AlreadyExists."""
        body = {"name": name, "new_name": new_name}
        return _model(self.transport.call("POST", f"{_API}/rename", body=body)["registered_model"])

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Changes the description; None removes it. Raises NotFound."""
        body = without_none({"name": name, "description": description})
        return _model(self.transport.call("PATCH", f"{_API}/update", body=body)["registered_model"])

    def delete_registered_model(self, name: str) -> None:
        """Deletes the model with its versions, for good. Raises NotFound."""
        call_once(self.transport, "DELETE", f"{_API}/delete", {"name": name})

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_REGISTERED_MODELS_MAX_RESULTS,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """One page of the models that match; `.token` fetches the next.

        Prompts, which MLflow keeps in the registry, are found only where the filter speaks of them.
        """
        query: dict[str, str | int | list[str] | None] = {
            "filter": _without_prompts(filter_string),
            "max_results": max_results,
            "order_by": list(order_by or ()),
            "page_token": page_token,
        }
        reply = self.transport.call("GET", f"{_API}/search", query=query)
        found = [_model(item) for item in reply.get("registered_models") or ()]
        return PagedList(found, reply.get("next_page_token") or None)

    def find_registered_models(
        self,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int | None = None,
    ) -> Iterator[RegisteredModel]:
        """All models that match, page by page, up to `max_results`."""

        def page_at(size: int, token: str | None) -> PagedList[RegisteredModel]:
            return self.search_registered_models(filter_string, size, order_by, token)

        return every_item(page_at, REGISTERED_MODELS_PER_PAGE, max_results)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version in each of `stages`, by default in every stage that has one."""
        body: dict[str, Any] = {"name": name}
        if stages:
            body["stages"] = list(stages)
        reply = self.transport.call("POST", f"{_API}/get-latest-versions", body=body)
        return [version_from(item) for item in reply.get("model_versions") or ()]

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Sets one tag. Raises NotFound where there is no such model."""
        body = {"name": name, "key": checks.key(key, "tag"), "value": str(value)}
        self.transport.call("POST", f"{_API}/set-tag", body=body)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Removes one tag; one that is not set is no error, as MLflow has it."""
        self.transport.call("DELETE", f"{_API}/delete-tag", body={"name": name, "key": key})

    def set_registered_model_alias(self, name: str, alias: str, version: str | int) -> None:
        """Makes `alias` point at a version, wherever it pointed before. Raises NotFound, InvalidArgument."""
        body = {"name": name, "alias": alias, "version": str(version)}
        self.transport.call("POST", f"{_API}/alias", body=body)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Removes an alias; one that is not there is no error, as MLflow has it."""
        self.transport.call("DELETE", f"{_API}/alias", body={"name": name, "alias": alias})

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that `alias` points at. Raises InvalidArgument where it points at none."""
        reply = self.transport.call("GET", f"{_API}/alias", query={"name": name, "alias": alias})
        return version_from(reply["model_version"])


def _model(wire: Mapping[str, Any]) -> RegisteredModel:
    from tracking_client.wire.entities import RegisteredModel

    return RegisteredModel.from_wire(wire)


def version_from(wire: Mapping[str, Any]) -> ModelVersion:
    """The version of a JSON object; its class is made when the first one comes, as a training needs none."""
    from tracking_client.wire.entities import ModelVersion

    return ModelVersion.from_wire(wire)


def _tags(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return pairs_to_wire({checks.key(key, "tag"): value for key, value in values.items()})


def _without_prompts(filter_string: str | None) -> str:
    if not filter_string:
        return _NO_PROMPTS
    if names.IS_PROMPT in filter_string:
        return filter_string
    # OR binds less than AND. MLflow's server knows neither OR nor parentheses, and is sent none for nothing.
    alternatives = _OR.search(_QUOTED.sub("", filter_string))
    return f"{f'({filter_string})' if alternatives else filter_string} AND {_NO_PROMPTS}"


__all__ = [
    "REGISTERED_MODELS_PER_PAGE",
    "SEARCH_REGISTERED_MODELS_MAX_RESULTS",
    "RegisteredModelCalls",
    "version_from",
]
