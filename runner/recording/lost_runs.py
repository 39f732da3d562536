"""Closes the runs of those who died before they could.

Two ways lead here: the guardian of a program whose runner died executes `python -m runner.recording.lost_runs
TICKET EXIT_CODE` at once, and every later `runner` command looks through the open tickets of its machine.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

from runner.model.run import RunStatus
from runner.recording.close import CLOSE_TIMEOUT_S, client_with_deadline, close_run
from runner.recording.record import TICKET_TAG
from runner.recording.ticket import Ending, Ticket, open_tickets, remove_abandoned_drafts
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound, TrackingError
from tracking_client.wire import names

_GIVE_UP_AFTER_S = 30 * 24 * 3600.0


def close_lost_runs(
    tickets: Path, *, deadline_s: float = CLOSE_TIMEOUT_S, tracking_uri: str | None = None
) -> list[str]:
    """Closes every run whose owner is dead or whose end is not told yet; returns the ids of those closed.

    `tracking_uri`: only those of this server, as `Recorder.uri` has it. A server that does not answer is
    asked once and left for the next time, with all its runs; after 30 days it is given up.
    """
    remove_abandoned_drafts(tickets)
    closed = []
    silent: set[str] = set()
    for ticket in open_tickets(tickets):
        if tracking_uri is not None and ticket.tracking_uri != tracking_uri:
            continue
        # One whose owner lives is the owner's: its end may be on the way at this moment.
        if ticket.tracking_uri in silent or ticket.owner.is_alive() is not False:
            continue
        try:
            run_id = close_lost(ticket, exit_code=None, deadline_s=deadline_s, max_retries=0)
        except TrackingError:
            silent.add(ticket.tracking_uri)
            _give_up_if_old(ticket)
            continue
        if run_id is not None:
            closed.append(run_id)
    return closed


def close_lost(
    ticket: Ticket,
    *,
    exit_code: int | None,
    deadline_s: float = CLOSE_TIMEOUT_S,
    max_retries: int | None = None,
) -> str | None:
    """Closes the run of `ticket` and redeems it; returns the run's id, None where it never came to be.

    Raises TrackingError where the server does not answer: the ticket stays.
    """
    client = client_with_deadline(ticket.tracking_uri, deadline_s, max_retries=max_retries)
    database = client.local_database
    if database is not None and not database.exists():
        # To ask would make the store anew. Where its directory is away too, it may come back: a disk.
        if database.parent.exists():
            ticket.redeem()
        return None
    run_id = ticket.run_id or _find_by_tag(client, ticket.ticket_id)
    if run_id is not None:
        ending = ticket.ending or Ending(
            status=RunStatus.KILLED,
            exit_code=exit_code,
            reason=f"the runner died (pid {ticket.owner.pid} on {ticket.owner.host})",
            ended_at_ms=_last_sign_of_life_ms(ticket, exit_code),
        )
        try:
            close_run(client, run_id, ticket.experiment_id, ticket.log_path, ending)
        except NotFound:
            run_id = None
    ticket.redeem()
    return run_id


def _give_up_if_old(ticket: Ticket) -> None:
    with suppress(OSError):
        if time.time() - ticket.path.stat().st_mtime > _GIVE_UP_AFTER_S:
            ticket.redeem()


def _find_by_tag(client: TrackingClient, ticket_id: str) -> str | None:
    experiments = [experiment.experiment_id for experiment in client.find_experiments()]
    found = client.search_runs(experiments, f"tags.`{TICKET_TAG}` = '{ticket_id}'", max_results=1)
    return found[0].info.run_id if found else None


def _last_sign_of_life_ms(ticket: Ticket, exit_code: int | None) -> int:
    now_ms = int(time.time() * 1000)
    if exit_code is not None or ticket.log_path is None:
        return now_ms
    try:
        return min(now_ms, int(ticket.log_path.stat().st_mtime * 1000))
    except OSError:
        return now_ms


def main(arguments: list[str]) -> int:
    """The guardian's last resort."""
    ticket = Ticket.read(Path(arguments[0]))
    if ticket is None:
        return 0
    try:
        close_lost(
            ticket,
            exit_code=int(arguments[1]) if len(arguments) > 1 else None,
            deadline_s=names.HEARTBEAT_LOST_S,
        )
    except TrackingError:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
