"""A running sweep is stopped and extended from its page, wherever its process is."""

from __future__ import annotations

import json
import subprocess

import httpx2

from tests.e2e.gated_sweeps import closed_gate
from tests.e2e.sweeps import LOCAL, programs, the_sweep, trials_of
from tests.e2e.terminal import User, wait_until


def asked(user: User, run_id: str, **fields: str) -> None:
    """Sends the form of the sweep's page."""
    found = json.loads((user.directory / "mlruns.db.server").read_text())
    headers = {"Authorization": f"Bearer {found['token']}"}
    with httpx2.Client(base_url=found["url"], headers=headers, trust_env=False) as http:
        page = f"/runs/{run_id}/sweep"
        reply = http.post(f"{page}/wish", data={"back": page, **fields})
        assert (reply.status_code, reply.headers.get("location")) == (303, page), reply.text


def ended(runner: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = runner.communicate(timeout=90)
    return runner.returncode, out, err


def answer(user: User, run_id: str) -> str:
    tags = user.client.get_run(run_id).data.tags
    return "" if tags.get("runner.sweep.wish") else tags.get("runner.sweep.answer", "")


def test_stop_lets_the_running_trials_finish_and_the_sweep_can_be_resumed(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id

        asked(user, run_id, wish="stop")
        wait_until(lambda: answer(user, run_id) == "“stop” was heard and done")
        assert gate.waiting() == 2
        gate.open()
        code, out, err = ended(runner)

        assert code == 130, err
        assert "stopped: stopped from its page" in out
        parent = user.client.get_run(run_id)
        assert (parent.info.status, parent.data.tags["runner.sweep.state"]) == ("KILLED", "stopped")
        assert [run.info.status for a in trials_of(user, the_sweep()).values() for run in a] == [
            "FINISHED"
        ] * 2

        resumed = user.types("sweep", "resume", run_id, GATE=str(gate.path))
        assert resumed.code == 0, resumed.err
        assert len(the_sweep().ledger.over) == 6


def test_stop_now_ends_the_running_trials_too(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()

        asked(user, the_sweep().folder.run_id, wish="stop now")
        code, _, err = ended(runner)

        assert code == 130, err
        assert not list(programs())
        runs = trials_of(user, the_sweep())
        assert [[run.info.status for run in attempts] for attempts in runs.values()] == [["KILLED"]] * 2


def test_a_running_sweep_is_extended_and_says_of_what_is_no_extension(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id

        asked(user, run_id, wish="extend", max_trials="3")
        wait_until(lambda: "no extension: the sweep has 6 trials already" in answer(user, run_id))
        asked(user, run_id, wish="extend", max_trials="8")
        wait_until(lambda: answer(user, run_id) == "“extend 8” was heard and done")
        gate.open()
        code, _, err = ended(runner)

        assert code == 0, err
        assert "extended to 8 trials" in err
        assert sorted(the_sweep().ledger.over) == list(range(8))
        tags = user.client.get_run(run_id).data.tags
        assert (tags["runner.sweep.trials"], tags["runner.sweep.extended"]) == ("8", "6 -> 8")


def test_what_was_wanted_of_a_sweep_whose_process_had_died_is_not_done_when_it_goes_on(user: User) -> None:
    with closed_gate(user) as gate:
        runner = gate.start()
        run_id = the_sweep().folder.run_id
        runner.kill()
        runner.communicate()
        user.client.set_tag(run_id, "runner.sweep.wish", "stop now")
        gate.open()

        resumed = user.types("run", "-e", "find", "project", *LOCAL, GATE=str(gate.path))

        assert resumed.code == 0, resumed.err
        assert len(the_sweep().ledger.over) == 6
        assert "say it again" in answer(user, run_id)
