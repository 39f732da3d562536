"""Every error that the tracking client raises on purpose.

```
TrackingError                   .message, .error_code
+- TransportError               no usable answer came (retryable, maybe_received)
|  +- ConnectFailed             nothing was sent: the server was not reached
|  |  +- LocalServerFailed      the store's own server did not start (log_path)
|  +- Timeout                   the server took longer than it was given
+- ApiError                     the server answered with an error (status, code)
|  +- InvalidArgument           400: also raised here for what the server would refuse
|  +- Unauthorized              401, 403; also raised here for models whose code may not run
|  +- NotFound                  404
|  +- AlreadyExists             the name or the value is taken
|  +- ServerFault               5xx
+- ArtifactError                an artifact cannot be had or stored as asked (uri, retryable)
```
`message` and `error_code` are spelt as on MLflow's exception, and `MlflowException` is TrackingError by that
name, so that handlers written for it work.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class TrackingError(Exception):
    """Root of the tree. `str()` and `message` are the text, `error_code` MLflow's code for it."""

    def __init__(self, message: str, *, error_code: str = "INTERNAL_ERROR") -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code


MlflowException = TrackingError


class TransportError(TrackingError):
    """No usable answer came back.

    `retryable`: the same call may succeed later. `maybe_received`: the server may have acted on it.
    """

    def __init__(self, message: str, *, retryable: bool = True, maybe_received: bool = True) -> None:
        super().__init__(message, error_code="TEMPORARILY_UNAVAILABLE")
        self.retryable = retryable
        self.maybe_received = maybe_received


class ConnectFailed(TransportError):
    """The server was not reached; nothing was sent."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message, retryable=retryable, maybe_received=False)


class LocalServerFailed(ConnectFailed):
    """The server of a local store did not start; `log_path` holds what it printed."""

    def __init__(self, message: str, *, log_path: Path) -> None:
        super().__init__(message, retryable=False)
        self.log_path = log_path


class Timeout(TransportError):
    """The server was reached but did not answer in time."""


class ApiError(TrackingError):
    """The server answered with an error: HTTP `status` and MLflow's `code`.

    `maybe_repeated` says that an earlier attempt of the same call may have been carried out: its answer
    was lost, and this error may be the echo of that success. `retry_after_s` is the server's wish.
    """

    def __init__(self, message: str, *, status: int, code: str, maybe_repeated: bool = False) -> None:
        super().__init__(message, error_code=code)
        self.status = status
        self.code = code
        self.maybe_repeated = maybe_repeated
        self.retry_after_s: float | None = None

    def get_http_status_code(self) -> int:
        """The HTTP status, by MLflow's name for it."""
        return self.status


class InvalidArgument(ApiError):
    """A value is against the rules of the wire."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str = "INVALID_PARAMETER_VALUE",
        maybe_repeated: bool = False,
    ) -> None:
        super().__init__(message, status=status, code=code, maybe_repeated=maybe_repeated)


class Unauthorized(ApiError):
    """The server wants other credentials; or the user did not allow a model to run code."""


class NotFound(ApiError):
    """There is no such thing."""


class AlreadyExists(ApiError):
    """The name is taken."""


class ServerFault(ApiError):
    """The server failed."""


class ArtifactError(TrackingError):
    """An artifact cannot be had from, or stored at, `uri`.

    `retryable`: the store was not reached, or has trouble, and the same may succeed later.
    """

    def __init__(self, message: str, *, uri: str, retryable: bool = False) -> None:
        super().__init__(message, error_code="INVALID_PARAMETER_VALUE")
        self.uri = uri
        self.retryable = retryable


_BY_CODE: Mapping[str, type[ApiError]] = {
    "RESOURCE_ALREADY_EXISTS": AlreadyExists,
    "ALREADY_EXISTS": AlreadyExists,
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "ENDPOINT_NOT_FOUND": NotFound,
    "UNAUTHENTICATED": Unauthorized,
    "CUSTOMER_UNAUTHORIZED": Unauthorized,
    "PERMISSION_DENIED": Unauthorized,
}
_BY_STATUS: Mapping[int, type[ApiError]] = {401: Unauthorized, 403: Unauthorized, 404: NotFound}


def api_error(message: str, *, status: int, code: str, maybe_repeated: bool = False) -> ApiError:
    """The error of the tree for an answer with this status and MLflow error code."""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if kind is None:
        kind = ServerFault if status >= 500 else InvalidArgument if status == 400 else ApiError
    return kind(message, status=status, code=code, maybe_repeated=maybe_repeated)


__all__ = [
    "AlreadyExists",
    "ApiError",
    "ArtifactError",
    "ConnectFailed",
    "InvalidArgument",
    "LocalServerFailed",
    "MlflowException",
    "NotFound",
    "ServerFault",
    "Timeout",
    "TrackingError",
    "TransportError",
    "Unauthorized",
    "api_error",
]
