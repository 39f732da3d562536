"""Which errors of the tracking server pass by themselves."""

from __future__ import annotations

from tracking_client.errors import ApiError, TrackingError, TransportError

_SERVER_FAULT = 500
_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS = 408, 429


def may_pass(error: TrackingError) -> bool:
    """Whether the same call may succeed later, without anybody changing anything of ours."""
    if isinstance(error, TransportError):
        return True
    return isinstance(error, ApiError) and (
        error.status >= _SERVER_FAULT or error.status in (_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS)
    )
