"""The client's calls about versions of registered models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.errors import AlreadyExists, InvalidArgument, NotFound, TrackingError
from tracking_client.once import call_once
from tracking_client.registered_models import RegisteredModelCalls, version_from
from tracking_client.wire.entities import PagedList
from tracking_client.wire.fields import without_none
from tracking_client.wire.paging import every_item
from tracking_client.wire.pairs import pairs_to_wire

if TYPE_CHECKING:
    from tracking_client.model_uri import ModelUri
    from tracking_client.wire.entities import ModelVersion

_API = "/api/2.0/mlflow/model-versions"
SEARCH_MODEL_VERSIONS_MAX_RESULTS = 10_000
AWAIT_CREATION_S = 300
STAGES = ("None", "Staging", "Production", "Archived")
_POLL_S = 1.0


class ModelVersionCalls(RegisteredModelCalls):
    """Versions of the registered models of one tracking server.

    `version` is a number, as text or as int. Every method raises ApiError and TransportError.
    """

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = AWAIT_CREATION_S,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Makes the next version of a registered model from the files at `source`.

        The server believes a `source` that belongs to `run_id` or to the logged model `model_id`, and every
        URI of an object store. Waits up to `await_creation_for` seconds (0 or None: not at all) until the
        version is READY; servers of this project and of MLflow answer with one that is. An answer that is
        lost may leave one version more than wanted. Raises NotFound, InvalidArgument, and TrackingError
        where the registration failed or took too long.
        """
        body: dict[str, Any] = without_none(
            {
                "name": name,
                "source": source,
                "run_id": run_id,
                "run_link": run_link,
                "description": description,
                "model_id": model_id,
            }
        )
        if tags:
            body["tags"] = pairs_to_wire({checks.key(key, "tag"): value for key, value in tags.items()})
        made = version_from(self.transport.call("POST", f"{_API}/create", body=body)["model_version"])
        if not await_creation_for:
            return made
        return ready_version(
            made, lambda: self.get_model_version(made.name, made.version), timeout_s=await_creation_for
        )

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """The version. Raises NotFound."""
        query = {"name": name, "version": str(version)}
        return version_from(self.transport.call("GET", f"{_API}/get", query=query)["model_version"])

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None
    ) -> ModelVersion:
        """Changes the description. Raises NotFound; InvalidArgument without a description, as MLflow."""
        if description is None:
            raise InvalidArgument("Attempting to update model version with no new field values.")
        body = {"name": name, "version": str(version), "description": description}
        return version_from(self.transport.call("PATCH", f"{_API}/update", body=body)["model_version"])

    def transition_model_version_stage(
        self, name: str, version: str | int, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Puts a version into a stage of `STAGES`, and others in that stage into Archived if wanted."""
        body = {
            "name": name,
            "version": str(version),
            "stage": stage,
            "archive_existing_versions": archive_existing_versions,
        }
        return version_from(
            self.transport.call("POST", f"{_API}/transition-stage", body=body)["model_version"]
        )

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Deletes a version, for good. Raises NotFound."""
        call_once(self.transport, "DELETE", f"{_API}/delete", {"name": name, "version": str(version)})

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Where the files of a version are. Raises NotFound."""
        query = {"name": name, "version": str(version)}
        return str(self.transport.call("GET", f"{_API}/get-download-uri", query=query)["artifact_uri"])

    def get_model_version_stages(self, name: str, version: str | int) -> list[str]:
        """The stages that there are, for every version the same."""
        del name, version
        return list(STAGES)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_MODEL_VERSIONS_MAX_RESULTS,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """One page of the versions that match; `.token` fetches the next."""
        query: dict[str, str | int | list[str] | None] = {
            "filter": filter_string or None,
            "max_results": max_results,
            "order_by": list(order_by or ()),
            "page_token": page_token,
        }
        reply = self.transport.call("GET", f"{_API}/search", query=query)
        found = [version_from(item) for item in reply.get("model_versions") or ()]
        return PagedList(found, reply.get("next_page_token") or None)

    def find_model_versions(
        self,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        max_results: int | None = None,
    ) -> Iterator[ModelVersion]:
        """All versions that match, page by page, up to `max_results`."""

        def page_at(size: int, token: str | None) -> PagedList[ModelVersion]:
            return self.search_model_versions(filter_string, size, order_by, token)

        return every_item(page_at, SEARCH_MODEL_VERSIONS_MAX_RESULTS, max_results)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Sets one tag of a version, or of the newest one in `stage`."""
        wanted = self._one_of(name, version, stage)
        body = {"name": name, "version": wanted, "key": checks.key(_given(key), "tag"), "value": str(value)}
        self.transport.call("POST", f"{_API}/set-tag", body=body)

    def delete_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        stage: str | None = None,
    ) -> None:
        """Removes one tag of a version, or of the newest one in `stage`; one not set is no error."""
        body = {"name": name, "version": self._one_of(name, version, stage), "key": _given(key)}
        self.transport.call("DELETE", f"{_API}/delete-tag", body=body)

    def version_at(self, uri: ModelUri) -> ModelVersion:
        """The version that a `models:/` URI chooses. Raises NotFound, and InvalidArgument for a model id."""
        if uri.name is None:
            raise InvalidArgument(f"{uri} is a logged model and no version of a registered model")
        if uri.version is not None:
            return self.get_model_version(uri.name, uri.version)
        if uri.alias is not None:
            return self.get_model_version_by_alias(uri.name, uri.alias)
        newest = self.get_latest_versions(uri.name, None if uri.stage is None else [uri.stage])
        if not newest:
            what = "version" if uri.stage is None else f"version in stage {uri.stage!r}"
            raise NotFound(
                f"the registered model {uri.name!r} has no {what}", status=404, code="RESOURCE_DOES_NOT_EXIST"
            )
        return max(newest, key=lambda version: int(version.version))

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Makes a version of `dst_name`, created where it does not exist, out of one of another model.

        Run, description, tags and link are taken along. Raises InvalidArgument for a URI that is no
        version's, NotFound.
        """
        from tracking_client.model_uri import ModelUri

        origin = self.version_at(ModelUri.parse(src_model_uri))
        try:
            self.create_registered_model(dst_name)
        except AlreadyExists:
            pass  # a further version of it is made
        return self.create_model_version(
            dst_name,
            source=f"models:/{origin.name}/{origin.version}",
            run_id=origin.run_id or None,
            tags=origin.tags,
            run_link=origin.run_link,
            description=origin.description,
        )

    def _one_of(self, name: str, version: str | int | None, stage: str | None) -> str:
        if version and stage:
            raise InvalidArgument("version and stage cannot be set together")
        if version:
            return str(version)
        if not stage:
            raise InvalidArgument("version or stage must be set")
        from tracking_client.model_uri import ModelUri

        return self.version_at(ModelUri(name=name, stage=stage)).version


def ready_version(
    made: ModelVersion,
    fetch: Callable[[], ModelVersion],
    *,
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> ModelVersion:
    """The version once it is READY, asked for with `fetch` until then.

    Raises TrackingError where its registration failed, or is not over within `timeout_s`.
    """
    from tracking_client.wire.entities import ModelVersionStatus

    give_up_at = now() + timeout_s
    version = made
    while version.status == ModelVersionStatus.PENDING_REGISTRATION:
        if now() >= give_up_at:
            raise TrackingError(
                f"version {made.version} of {made.name!r} is not ready after {timeout_s:g} s; "
                "it may become so later: ask for it with get_model_version"
            )
        sleep(_POLL_S)
        version = fetch()
    if version.status != ModelVersionStatus.READY:
        raise TrackingError(
            f"the registration of version {made.version} of {made.name!r} failed: "
            f"{version.status_message or version.status}"
        )
    return version


def _given(key: str | None) -> str:
    if not key:
        raise InvalidArgument("the tag's key must be set")
    return key


__all__ = [
    "AWAIT_CREATION_S",
    "SEARCH_MODEL_VERSIONS_MAX_RESULTS",
    "STAGES",
    "ModelVersionCalls",
    "ready_version",
]
