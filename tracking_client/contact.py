"""The first contact of a process with its server: where none answers, the process goes on offline."""

from __future__ import annotations

import os
import threading

from tracking_client import notice, offline
from tracking_client.client import TrackingClient
from tracking_client.context import RUN_ID
from tracking_client.errors import ConnectFailed, InvalidArgument, Timeout, TrackingError
from tracking_client.tracking_uri import RemoteServer

OFFLINE_AFTER = "RUNNER_OFFLINE_AFTER_S"
_DEFAULT_AFTER_S = 10.0

_lock = threading.RLock()
_met: set[str] = set()


def reachable_client() -> TrackingClient:
    """The client of the tracking URI in force; of its offline store where its server does not answer.

    A server is waited for so long (RUNNER_OFFLINE_AFTER_S, 10), once in a process. A program that was
    launched as a run does not go offline: its run is on the server. Raises InvalidArgument.
    """
    client = TrackingClient()
    with _lock:
        if client.tracking_uri in _met or not _may_go_offline(client):
            return client
        try:
            client.apart(_after_s()).transport.call("GET", "/api/2.0/mlflow/experiments/get", query=_DEFAULT)
        except (ConnectFailed, Timeout) as error:
            notice.say(
                f"{error}; runs are kept on this machine from now on, send them later with: runner sync "
                f"({offline.OFFLINE}=0 makes this an error)"
            )
            os.environ[offline.OFFLINE] = "1"
            return TrackingClient()
        except TrackingError:
            pass  # it answers
        _met.add(client.tracking_uri)
        return client


_DEFAULT = {"experiment_id": "0"}


def _may_go_offline(client: TrackingClient) -> bool:
    is_remote = isinstance(client.transport.target, RemoteServer)
    is_launched = bool(os.environ.get(RUN_ID)) or offline.is_of_local_store(client.tracking_uri)
    return is_remote and not is_launched and not offline.is_forbidden()


def _after_s() -> float:
    text = os.environ.get(OFFLINE_AFTER) or str(_DEFAULT_AFTER_S)
    try:
        return max(0.1, float(text))
    except ValueError:
        raise InvalidArgument(f"{OFFLINE_AFTER}={text!r:.50} is not a number of seconds") from None


def _after_fork() -> None:
    global _lock  # noqa: PLW0603  # held by a thread that the child does not have
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["OFFLINE_AFTER", "reachable_client"]
