"""Runs that MLflow's client opens by itself, for what a thread logs while it has no run."""

from __future__ import annotations

import re

from runner.recording.record import TICKET_TAG
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound
from tracking_client.wire import names

_GIVEN_BY_THE_SERVER = re.compile(r"[a-z]+-[a-z]+-\d+")


def parent_of_handed_over(client: TrackingClient, parent: str | None, launched: str | None) -> str | None:
    """The parent of a run that a program opened as a child of `parent`, and hands over.

    That is `parent`, or `launched` (the run of the program itself) where there is none or it is a stray:
    MLflow's client keeps active runs by thread. A thread that logs after its trial has ended gets a run of
    its own, which stays active, and takes the thread's next trials for its children.
    """
    if parent is None or launched is None or parent == launched:
        return parent or launched
    try:
        run = client.get_run(parent)
    except NotFound:
        return launched
    tags = run.data.tags
    # One that somebody opened on purpose has a name, parameters or a parent; one of ours has a ticket.
    is_stray = (
        not {names.PARENT_RUN_ID, names.PROJECT_ENTRY_POINT, TICKET_TAG} & set(tags)
        and not run.data.params
        and _GIVEN_BY_THE_SERVER.fullmatch(run.info.run_name or "") is not None
    )
    return launched if is_stray else parent
