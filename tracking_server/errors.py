"""Every error that a request or a start can end with.

ServerError                         .status (HTTP), .code (MLflow's error_code); shown to callers
+- InvalidParameter      400        INVALID_PARAMETER_VALUE
|  +- InvalidFilter                 .position
+- AlreadyExists         400        RESOURCE_ALREADY_EXISTS
+- Unauthenticated       401        UNAUTHENTICATED
+- Forbidden             403        PERMISSION_DENIED
+- NotFound              404        RESOURCE_DOES_NOT_EXIST
+- EndpointNotFound      404        ENDPOINT_NOT_FOUND
+- MethodNotAllowed      405        BAD_REQUEST
+- TooLarge              413        REQUEST_LIMIT_EXCEEDED
+- InvalidState          500        INVALID_STATE           (MLflow's choice of status)
+- NotSupported          501        NOT_IMPLEMENTED
+- Unavailable           503        TEMPORARILY_UNAVAILABLE
StartRefused                        the server cannot start; exit code 2
"""

from __future__ import annotations

from typing import ClassVar


class ServerError(Exception):
    """A request that ends with an error reply. The message is written for the caller and holds no secrets."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"


class InvalidParameter(ServerError):
    """A value of the request is missing, of the wrong kind or out of range."""

    status = 400
    code = "INVALID_PARAMETER_VALUE"


class InvalidFilter(InvalidParameter):
    """A filter or an order that cannot be read. `position`: the character, from 0, that is in the way."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class AlreadyExists(ServerError):
    """Something of that name is there already."""

    status = 400
    code = "RESOURCE_ALREADY_EXISTS"


class Unauthenticated(ServerError):
    """The request carries no valid token."""

    status = 401
    code = "UNAUTHENTICATED"


class Forbidden(ServerError):
    """The request is refused whatever its token: foreign host or origin."""

    status = 403
    code = "PERMISSION_DENIED"


class NotFound(ServerError):
    """The named thing is not in the store."""

    status = 404
    code = "RESOURCE_DOES_NOT_EXIST"


class EndpointNotFound(ServerError):
    """No endpoint has this path."""

    status = 404
    code = "ENDPOINT_NOT_FOUND"


class MethodNotAllowed(ServerError):
    """The endpoint exists, but not for this HTTP method."""

    status = 405
    code = "BAD_REQUEST"


class TooLarge(ServerError):
    """The request's body is longer than the server reads."""

    status = 413
    code = "REQUEST_LIMIT_EXCEEDED"


class InvalidState(ServerError):
    """The thing exists, but is in a state that forbids the change."""

    status = 500
    code = "INVALID_STATE"


class NotSupported(ServerError):
    """A feature of MLflow that this server does not have."""

    status = 501
    code = "NOT_IMPLEMENTED"


class Unavailable(ServerError):
    """The database or the disk cannot take the request now; the same request may succeed later."""

    status = 503
    code = "TEMPORARILY_UNAVAILABLE"


class StartRefused(Exception):
    """The server cannot start with these settings. The message says why and what to do."""
