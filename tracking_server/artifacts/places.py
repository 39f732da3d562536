"""From an artifact URI to the store that serves it.

The server reads and writes two places only: what `--artifacts-destination` names, behind
`mlflow-artifacts:` URIs, and `--default-artifact-root`, where clients write themselves. Clients choose
artifact locations freely; a location elsewhere is theirs to read, and never opened by the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tracking_server.artifacts import configured, local_uploads, locations
from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.local_multipart import LocalMultipart
from tracking_server.artifacts.locations import Location
from tracking_server.artifacts.paths import safe_path
from tracking_server.artifacts.protocol import ArtifactStore, SignedTransfers
from tracking_server.errors import InvalidParameter, NotSupported
from tracking_server.settings import Settings

PROXY_SCHEME = "mlflow-artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A directory of a store: where the artifacts of one run or one logged model are.

    `signed` is what clients may be let do to the store themselves; None where that is nothing.
    """

    store: ArtifactStore
    prefix: str
    signed: SignedTransfers | None = None

    def path(self, inside: str) -> str:
        """The store's path of `inside`, which is relative to this place. Raises InvalidParameter."""
        relative = safe_path(inside)
        return "/".join(part for part in (self.prefix, relative) if part)


class _Opened:
    """A configured location with its store."""

    def __init__(self, location: Location, settings: Settings) -> None:
        self.location = location
        self.store, signed = locations.open_store(location, settings.artifact_deadline_s)
        self.signed = signed if settings.direct_transfers else None
        self.missing = location.missing


class Places:
    """The stores of one server. Immutable after construction; thread-safe."""

    def __init__(self, settings: Settings) -> None:
        destination = configured.destination(settings)
        self._proxied = _Opened(destination, settings) if settings.serve_artifacts else None
        self._is_written_to = settings.serve_artifacts and settings.default_artifact_root is None
        self._root = None
        if settings.default_artifact_root is not None:
            root = configured.root(settings.default_artifact_root, settings)
            self._root = None if root is None else _Opened(root, settings)
        elif not settings.serve_artifacts:
            self._root = _Opened(destination, settings)

    @property
    def proxied(self) -> ArtifactStore:
        """The store behind the proxy endpoints. Raises NotSupported under --no-serve-artifacts."""
        return self._serving().store

    @property
    def signed(self) -> SignedTransfers | None:
        """What clients may do themselves to the store behind the proxy. Raises NotSupported as `proxied`."""
        return self._serving().signed

    @property
    def multipart(self) -> LocalMultipart | None:
        """Uploads in parts through this server, for directories of this machine. Raises as `proxied`."""
        store = self.proxied
        return LocalMultipart(store) if isinstance(store, LocalArtifacts) else None

    @property
    def serves(self) -> bool:
        """Whether there is a store behind the proxy endpoints."""
        return self._proxied is not None

    def _serving(self) -> _Opened:
        if self._proxied is None:
            raise NotSupported(
                "This server was started with --no-serve-artifacts: it does not proxy artifacts."
            )
        return self._proxied

    def of(self, artifact_uri: str) -> Place:
        """Where `artifact_uri` leads. Raises InvalidParameter where this server may not look."""
        try:
            parts = urlsplit(artifact_uri)
            if parts.scheme == PROXY_SCHEME and not parts.netloc:
                prefix = safe_path(parts.path.lstrip("/"))
                serving = self._serving()
                return Place(store=serving.store, prefix=prefix, signed=serving.signed)
            location = locations.parse(artifact_uri)
        except ValueError:
            location = None
        if location is not None and self._root is not None:
            inside = location.inside(self._root.location)
            if inside is not None:
                if self._root.missing is not None:
                    raise NotSupported(
                        f"This server cannot read '{artifact_uri[:300]}': {self._root.missing}"
                    )
                return Place(store=self._root.store, prefix=safe_path(inside), signed=self._root.signed)
        raise InvalidParameter(
            f"The artifacts of '{artifact_uri[:300]}' are not served by this server: read them there."
        )

    def make_ready(self) -> None:
        """Make the directory that artifacts come to. Raises StartRefused where it cannot be written to."""
        if self._is_written_to and isinstance(self.proxied, LocalArtifacts):
            configured.make_directory(self.proxied.root)

    def sweep(self) -> int:
        """Remove what crashes left of uploads; how many there were. Safe while servers work."""
        stores = {opened.store for opened in (self._proxied, self._root) if opened is not None}
        return sum(local_uploads.sweep(store.root) for store in stores if isinstance(store, LocalArtifacts))
