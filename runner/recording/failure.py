"""The tracking client's errors, as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runner.errors import RecordingError
from runner.recording.passing import may_pass
from tracking_client.errors import (
    InvalidArgument,
    LocalServerFailed,
    NotFound,
    TrackingError,
    TransportError,
    Unauthorized,
)


@contextmanager
def told_as_recording_error(uri: str) -> Iterator[None]:
    """Turns the client's errors into ours, naming the server."""
    try:
        yield
    except TrackingError as error:
        raise RecordingError(
            f"not recorded: {error}", uri=uri, hint=_next_step(error), may_pass=may_pass(error)
        ) from error


def _next_step(error: TrackingError) -> str | None:
    if isinstance(error, LocalServerFailed):
        return f"its log is {error.log_path}"
    if isinstance(error, TransportError):
        return "start that server, or set MLFLOW_TRACKING_URI to one that answers"
    if isinstance(error, (Unauthorized, NotFound, InvalidArgument)):
        return None  # the server's message says what to do
    return "look at the server's log"
