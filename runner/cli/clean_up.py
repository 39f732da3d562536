"""What every command that runs something does first.

It closes what others could not, and removes what they left.
"""

from __future__ import annotations

from runner.assemble import Workshop
from runner.stop import Stop


def clean_up(workshop: Workshop, stop: Stop) -> None:
    """Closes lost runs; removes abandoned working copies, old logs and old sweeps."""
    from runner.recording.logs import logs_folder, remove_old_logs
    from runner.recording.lost_runs import close_lost_runs
    from runner.recording.ticket import open_tickets
    from runner.sources.working_copy import remove_abandoned, working_copies
    from runner.sweeping.keeping import remove_old_sweeps

    tickets = workshop.recorder().tickets
    with stop.interruptible():
        close_lost_runs(tickets, deadline_s=5.0)
        remove_abandoned(
            working_copies(workshop.settings.state_dir),
            open_run_ids=lambda: {ticket.run_id for ticket in open_tickets(tickets) if ticket.run_id},
        )
        remove_old_sweeps(workshop.settings.state_dir)
        remove_old_logs(logs_folder(workshop.settings.state_dir))
