from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from runner.model.run import RunStatus
from runner.owner import Owner
from runner.recording.ticket import Ending, Ticket, open_tickets


def owner_of_a_dead_process(repository: Path) -> Owner:
    script = "import json; from runner.owner import Owner; print(json.dumps(Owner.current().as_json()))"
    done = subprocess.run([sys.executable, "-c", script], cwd=repository, capture_output=True, check=True)
    import json

    owner = Owner.of(json.loads(done.stdout))
    assert owner is not None
    return owner


def test_this_process_is_alive_and_a_finished_one_is_not(repository: Path) -> None:
    assert Owner.current().is_alive() is True
    assert owner_of_a_dead_process(repository).is_alive() is False


def test_a_reused_pid_and_another_boot_are_not_the_owner_and_another_host_is_unknown() -> None:
    owner = Owner.current()

    assert replace(owner, process_started="1").is_alive() is False
    assert replace(owner, boot_id="another").is_alive() is False
    assert replace(owner, host="elsewhere").is_alive() is None


def test_a_ticket_survives_on_disk_with_all_that_closing_needs(tmp_path: Path) -> None:
    ticket = Ticket.write(tmp_path / "t", tracking_uri="http://h").with_run(
        run_id="r", experiment_id="0", log_path=tmp_path / "log"
    )
    ticket = ticket.with_ending(
        Ending(status=RunStatus.FAILED, exit_code=3, reason="exit code 3", ended_at_ms=5)
    )

    assert list(open_tickets(tmp_path / "t")) == [ticket]
    assert ticket.path.stat().st_mode & 0o077 == 0

    ticket.redeem()
    assert list(open_tickets(tmp_path / "t")) == []


def test_what_is_no_ticket_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('{"version": 99}')
    (tmp_path / "c.json").write_text('{"version": 1, "owner": 3}')

    assert list(open_tickets(tmp_path)) == []
    assert list(open_tickets(tmp_path / "none")) == []
