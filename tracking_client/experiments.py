"""The client's calls about experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.errors import AlreadyExists, InvalidArgument, NotFound
from tracking_client.transport import Transport
from tracking_client.wire.entities import LifecycleStage, PagedList, ViewType
from tracking_client.wire.paging import every_item

if TYPE_CHECKING:
    from tracking_client.wire.entities import Experiment

_API = "/api/2.0/mlflow/experiments"
SEARCH_MAX_RESULTS_DEFAULT = 1000


class ExperimentCalls:
    """Experiments of one tracking server. Every method raises ApiError and TransportError."""

    transport: Transport

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: dict[str, Any] | None = None
    ) -> str:
        """Creates an experiment and returns its id. Raises AlreadyExists where the name is taken."""
        body: dict[str, Any] = {"name": checks.experiment_name(name)}
        if artifact_location is not None:
            body["artifact_location"] = artifact_location
        if tags:
            body["tags"] = [tag.to_wire() for tag in checks.tags(tags)]
        try:
            return str(self.transport.call("POST", f"{_API}/create", body=body)["experiment_id"])
        except AlreadyExists as error:
            # The first attempt's answer was lost: what "already exists" is most likely our own.
            found = self.get_experiment_by_name(name) if error.maybe_repeated else None
            if found is None:
                raise
            return found.experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment. Raises NotFound."""
        query = {"experiment_id": str(experiment_id)}
        return _experiment(self.transport.call("GET", f"{_API}/get", query=query)["experiment"])

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of that name, in the bin or not; None where there is none."""
        query = {"experiment_name": name}
        try:
            reply = self.transport.call("GET", f"{_API}/get-by-name", query=query)
        except NotFound as error:
            if error.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return _experiment(reply["experiment"])

    def ensure_experiment(self, name: str) -> Experiment:
        """The active experiment of that name, created where there is none.

        Of many that call this at once, one creates it and all get the same.
        Raises InvalidArgument where it is in the bin.
        """
        found = self.get_experiment_by_name(name)
        if found is None:
            try:
                found = self.get_experiment(self.create_experiment(name))
            except AlreadyExists:
                found = self.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != LifecycleStage.ACTIVE:
            raise InvalidArgument(
                f"Cannot set a deleted experiment {found.name!r} as the active experiment. "
                "You can restore the experiment, or permanently delete the experiment to create a new one."
            )
        return found

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = SEARCH_MAX_RESULTS_DEFAULT,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """One page of the experiments that match; `.token` fetches the next."""
        body: dict[str, Any] = {
            "view_type": ViewType.to_string(view_type),
            "max_results": SEARCH_MAX_RESULTS_DEFAULT if max_results is None else max_results,
        }
        if filter_string:
            body["filter"] = filter_string
        if order_by:
            body["order_by"] = list(order_by)
        if page_token:
            body["page_token"] = page_token
        reply = self.transport.call("POST", f"{_API}/search", body=body)
        found = [_experiment(item) for item in reply.get("experiments") or ()]
        return PagedList(found, reply.get("next_page_token") or None)

    def find_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int | None = None,
    ) -> Iterator[Experiment]:
        """All experiments that match, page by page, up to `max_results`."""

        def page_at(size: int, token: str | None) -> PagedList[Experiment]:
            return self.search_experiments(view_type, size, filter_string, order_by, token)

        return every_item(page_at, SEARCH_MAX_RESULTS_DEFAULT, max_results)

    def delete_experiment(self, experiment_id: str) -> None:
        """Puts the experiment and its runs into the bin."""
        self.transport.call_once(f"{_API}/delete", {"experiment_id": str(experiment_id)})

    def restore_experiment(self, experiment_id: str) -> None:
        """Takes the experiment and its runs out of the bin."""
        self.transport.call_once(f"{_API}/restore", {"experiment_id": str(experiment_id)})

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Gives the experiment another name."""
        body = {"experiment_id": str(experiment_id), "new_name": checks.experiment_name(new_name)}
        self.transport.call("POST", f"{_API}/update", body=body)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Sets one tag."""
        body = {"experiment_id": str(experiment_id), "key": checks.key(key, "tag"), "value": str(value)}
        self.transport.call("POST", f"{_API}/set-experiment-tag", body=body)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Removes one tag. Raises NotFound where it is not set."""
        self.transport.call_once(
            f"{_API}/delete-experiment-tag", {"experiment_id": str(experiment_id), "key": key}
        )


def _experiment(wire: Mapping[str, Any]) -> Experiment:
    from tracking_client.wire.entities import Experiment

    return Experiment.from_wire(wire)


__all__ = ["SEARCH_MAX_RESULTS_DEFAULT", "ExperimentCalls"]
