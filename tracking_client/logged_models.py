"""The client's calls about logged models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.errors import InvalidArgument
from tracking_client.once import call_once
from tracking_client.transport import Transport
from tracking_client.wire.entities import PagedList
from tracking_client.wire.fields import without_none
from tracking_client.wire.paging import every_item
from tracking_client.wire.pairs import pairs_to_wire

if TYPE_CHECKING:
    from tracking_client.wire.entities import LoggedModel, LoggedModelStatus

_API = "/api/2.0/mlflow/logged-models"
_MODEL_ID = re.compile(r"[\w\-]+")
LOGGED_MODELS_PER_PAGE = 100


class LoggedModelCalls:
    """Logged models of one tracking server. Every method raises ApiError and TransportError."""

    transport: Transport

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Creates a model in the state PENDING, by default under a name that the server makes up.

        An answer that is lost may leave one model more than wanted. Raises NotFound for the experiment,
        InvalidArgument for a name with one of / : . % " '.
        """
        body: dict[str, Any] = without_none(
            {
                "experiment_id": str(experiment_id),
                "name": name,
                "model_type": model_type,
                "source_run_id": source_run_id,
            }
        )
        if params:
            body["params"] = _pairs(params, "parameter")
        if tags:
            body["tags"] = _pairs(tags, "tag")
        return _model(self.transport.call("POST", _API, body=body)["model"])

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Says that the files are there (READY) or will never be (FAILED). Raises NotFound."""
        body = {"model_id": model_id, "status": _final(status).to_wire()}
        return _model(self.transport.call("PATCH", _at(model_id), body=body)["model"])

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model as it is now. Raises NotFound, also for one that was deleted."""
        return _model(self.transport.call("GET", _at(model_id))["model"])

    def delete_logged_model(self, model_id: str) -> None:
        """Deletes the model. Raises NotFound where there was never one of that id."""
        call_once(self.transport, "DELETE", _at(model_id), {"model_id": model_id})

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Sets tags. Raises NotFound."""
        body = {"tags": _pairs(tags, "tag")}
        self.transport.call("PATCH", f"{_at(model_id)}/tags", body=body)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Removes one tag. Raises NotFound where it is not set."""
        # Not only for the sake of the message: the key is part of the path.
        call_once(self.transport, "DELETE", f"{_at(model_id)}/tags/{checks.key(key, 'tag')}")

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Adds parameters. Raises NotFound; InvalidArgument where one has another value already."""
        body = {"model_id": model_id, "params": _pairs(params, "parameter")}
        self.transport.call("POST", f"{_at(model_id)}/params", body=body)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """One page of the models that match; `.token` fetches the next.

        `datasets` ({"dataset_name", "dataset_digest"}) restricts which metrics the filter sees. `order_by`
        holds {"field_name", "ascending", "dataset_name", "dataset_digest"}; only the first must be there.
        """
        ids = [experiment_ids] if isinstance(experiment_ids, (str, int)) else experiment_ids
        body: dict[str, Any] = {"experiment_ids": [str(experiment_id) for experiment_id in ids]}
        if datasets:
            body["datasets"] = [_with(item, "dataset_name", "datasets") for item in datasets]
        if order_by:
            body["order_by"] = [_with(item, "field_name", "order_by") for item in order_by]
        optional = {"filter": filter_string or None, "max_results": max_results, "page_token": page_token}
        reply = self.transport.call("POST", f"{_API}/search", body=body | without_none(optional))
        found = [_model(item) for item in reply.get("models") or ()]
        return PagedList(found, reply.get("next_page_token") or None)

    def find_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
    ) -> Iterator[LoggedModel]:
        """All models that match, page by page, up to `max_results`."""

        def page_at(size: int, token: str | None) -> PagedList[LoggedModel]:
            return self.search_logged_models(experiment_ids, filter_string, datasets, size, order_by, token)

        return every_item(page_at, LOGGED_MODELS_PER_PAGE, max_results)


def _model(wire: Mapping[str, Any]) -> LoggedModel:
    from tracking_client.wire.entities import LoggedModel

    return LoggedModel.from_wire(wire)


def _at(model_id: Any) -> str:
    """The path of a model. An id that is no single segment of it would lead to another call."""
    if not isinstance(model_id, str) or not _MODEL_ID.fullmatch(model_id):
        raise InvalidArgument(f"`model_id` must be the id of a logged model, but got {model_id!r:.100}")
    return f"{_API}/{model_id}"


def _final(status: LoggedModelStatus | str) -> LoggedModelStatus:
    from tracking_client.wire.entities import LoggedModelStatus

    final = (LoggedModelStatus.READY, LoggedModelStatus.FAILED)
    for candidate in final:
        if status == candidate.value:
            return candidate
    known = ", ".join(candidate.value for candidate in final)
    raise InvalidArgument(f"{str(status)!r:.100} is no final status of a logged model (known: {known})")


def _pairs(values: Mapping[str, Any], kind: str) -> list[dict[str, str]]:
    return pairs_to_wire({checks.key(key, kind): value for key, value in values.items()})


def _with(item: Any, key: str, argument: str) -> dict[str, Any]:
    if not isinstance(item, Mapping) or key not in item:
        raise InvalidArgument(
            f"every item of `{argument}` must be a dict with {key!r}, but got {item!r:.100}"
        )
    return dict(item)


__all__ = ["LOGGED_MODELS_PER_PAGE", "LoggedModelCalls"]
