"""Takes a sweep over from whoever drove it before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from runner.errors import ProvisionError, RequestError
from runner.events import Listener, Warned
from runner.lease import STALE_AFTER_S, Lease, LeaseHolder
from runner.stop import Stop
from runner.sweeping.folder import SweepFolder

_LONGER_S = 5.0
_LOOK_S = 0.1


@contextmanager
def driving(folder: SweepFolder, listener: Listener, stop: Stop) -> Iterator[None]:
    """Nobody else drives the sweep while inside.

    A driver on another machine, which may be gone, is watched until its lease has not been touched for a
    while. Raises RequestError where somebody drives it, and ProvisionError where the lease cannot be written.
    """
    with folder.lease as mine:
        try:
            folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not mine.try_take():
                _wait_for(mine, folder, listener, stop)
        except OSError as error:
            raise ProvisionError(
                f"the sweep cannot be kept in {folder.path}: {error.strerror}",
                hint="make space there, or choose another directory with RUNNER_STATE_DIR",
            ) from error
        yield


def _wait_for(mine: Lease, folder: SweepFolder, listener: Listener, stop: Stop) -> None:
    holder = mine.holder()
    if holder is not None:
        if holder.owner is not None and holder.owner.is_alive():
            raise _driven(folder, holder)
        listener(Warned(message=f"the sweep was run{_by(holder)}; waiting to see whether it still is"))
    deadline = time.monotonic() + STALE_AFTER_S + _LONGER_S
    with stop.interruptible():
        while not mine.try_take():
            if time.monotonic() > deadline:
                raise _driven(folder, mine.holder())
            time.sleep(_LOOK_S)


def _driven(folder: SweepFolder, holder: LeaseHolder | None) -> RequestError:
    return RequestError(
        f"sweep {folder.run_id} is being run by another process{_by(holder)}",
        hint="wait for it, or stop it with `runner sweep stop`",
    )


def _by(holder: LeaseHolder | None) -> str:
    if holder is None or holder.owner is None:
        return ""
    return f" (pid {holder.owner.pid} on {holder.owner.host})"
