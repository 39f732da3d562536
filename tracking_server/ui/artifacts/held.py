"""Whose files are shown: a run's or a logged model's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from tracking_server.artifacts.paths import is_storable
from tracking_server.artifacts.places import Place
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.ui.address import url


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The artifacts of one run or one logged model.

    `page` is the address of their viewer, `uri` where they lie, `code_uri` how code names them. `download`
    makes the address that a file is downloaded from, by its path.
    """

    page: str
    uri: str
    code_uri: str
    place: Place
    download: Callable[[str], str]

    def shown(self, path: str, **query: object) -> str:
        """The address of the viewer with something chosen."""
        return url(self.page, None, path=path, **query)

    def raw(self, path: str) -> str:
        """The address that a file is sent from to be shown."""
        return url(f"{self.page}/raw", None, path=path)

    def named_in_code(self, path: str) -> str:
        """The URI of something here, for code."""
        return f"{self.code_uri}/{path}" if path else self.code_uri

    def inside(self, info: ArtifactInfo) -> str | None:
        """The path of an entry of the store among these artifacts; None for what nobody could ask for."""
        path = info.path[len(self.place.prefix) + 1 :] if self.place.prefix else info.path
        return path if is_storable(path) else None


def by_run(run_id: str, uri: str, place: Place) -> Held:
    """The artifacts of a run."""
    return Held(
        page=f"/runs/{run_id}/artifacts",
        uri=uri,
        code_uri=f"runs:/{run_id}",
        place=place,
        download=lambda path: url("/get-artifact", None, run_id=run_id, path=path),
    )


def by_model(model_id: str, uri: str, place: Place) -> Held:
    """The artifacts of a logged model."""
    api = f"/ajax-api/2.0/mlflow/logged-models/{quote(model_id, safe='')}/artifacts/files"
    return Held(
        page=f"/logged-models/{model_id}/artifacts",
        uri=uri,
        code_uri=f"models:/{model_id}",
        place=place,
        download=lambda path: url(api, None, artifact_file_path=path),
    )
