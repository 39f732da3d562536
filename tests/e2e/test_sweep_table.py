"""The live table of a sweep, in a real terminal."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.e2e.gated_sweeps import SWEEP as GATED
from tests.e2e.gated_sweeps import Gate, closed_gate
from tests.e2e.screen import Terminal, terminal
from tests.e2e.sweeps import LOCAL, declared, programs, the_sweep
from tests.e2e.terminal import User, wait_until

SWEEP = """
method: random
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -5, max: 5}
  seconds: 0.2
baseline: {parameters: {x: 3}}
max_trials: 5
parallel: 2
seed: 7
"""
COMMAND = ("run", "-e", "find", "project", *LOCAL)


def heads(window: Terminal) -> int:
    """How often the head of the table is to be seen."""
    return len(re.findall(r"^ *TRIAL .*STATUS", window.screen.text, re.MULTILINE))


@pytest.mark.parametrize("size", [(100, 30), (80, 24), (200, 50)], ids=str)
def test_the_table_is_drawn_in_place_and_its_last_state_stays(user: User, size: tuple[int, int]) -> None:
    user.project(declared(SWEEP))

    with terminal(user, *COMMAND, size=size) as window:
        code = window.ends()

    screen = window.screen
    assert code == 0, screen.text
    assert heads(window) == 1
    rows = re.findall(r"^([* ]) (baseline|trial-\d+) .* finished", screen.text, re.MULTILINE)
    assert sorted(name for _, name in rows) == ["baseline", *(f"trial-00{n}" for n in range(1, 6))]
    best = the_sweep().ledger.best_trial()
    assert best is not None
    assert [name for mark, name in rows if mark == "*"] == [best.name]
    assert "5/5 trials" in screen.text
    assert f"best {best.name}  loss " in screen.text
    assert "running" not in screen.text
    assert screen.text.count("find: 5 trials, in ") == 1
    assert screen.cursor_is_visible
    assert screen.colours > 0
    assert max(len(line) for line in screen.lines) <= size[0]


def test_numbers_stand_below_each_other(user: User) -> None:
    user.project(declared(SWEEP))

    with terminal(user, *COMMAND) as window:
        assert window.ends() == 0, window.screen.text

    rows = re.findall(r"^[* ] trial-\d+ .*$", window.screen.text, re.MULTILINE)
    ends = {tuple(match.end() for match in list(re.finditer(r"-?\d\S*", row))[1:3]) for row in rows}
    assert len(ends) == 1, rows


@pytest.mark.parametrize("size", [(36, 12), (18, 5)], ids=str)
def test_a_terminal_that_is_too_small_shows_how_far_it_is(user: User, size: tuple[int, int]) -> None:
    user.project(declared(SWEEP))

    with terminal(user, *COMMAND, size=size) as window:
        code = window.ends()

    assert code == 0, window.screen.text
    feet = [line for line in window.screen.lines if line.startswith("  ━━━━━━━━ 5/5")]
    assert len(feet) == 1, window.screen.text


def test_many_long_names_leave_room_for_what_matters(user: User) -> None:
    names = [f"a_parameter_with_a_long_name_{letter}" for letter in "abcdefgh"]
    searched = "".join(f"  {name}: {{min: 0, max: 1}}\n" for name in names)
    searched = searched.replace("{min: 0, max: 1}", "[größe, '[red]odd[/]', x]", 1)
    files = declared(SWEEP.replace("  x:", f"{searched}  x:").replace("baseline:", "# baseline:"))
    kinds = "".join(f"      {name}: {'float' if name != names[0] else 'string'}\n" for name in names)
    files["MLproject"] = files["MLproject"].replace("      x: float\n", f"{kinds}      x: float\n")
    user.project(files)

    with terminal(user, *COMMAND, size=(80, 24)) as window:
        assert window.ends() == 0, window.screen.text

    assert heads(window) == 1
    (head,) = [line for line in window.screen.text.splitlines() if "TRIAL" in line]
    assert "loss" in head
    assert re.search(r"\+\d", head)
    assert len(re.findall(r"^[* ] trial-\d+ .* finished", window.screen.text, re.MULTILINE)) == 5


def test_without_colours_there_are_none(user: User) -> None:
    user.project(declared(SWEEP))

    with terminal(user, *COMMAND, NO_COLOR="1") as window:
        assert window.ends() == 0, window.screen.text

    assert window.screen.colours == 0
    assert heads(window) == 1


def test_ctrl_c_leaves_the_table_whole(user: User) -> None:
    with closed_gate(user) as gate, terminal(user, *COMMAND, GATE=str(gate.path)) as window:
        window.look_until(lambda: "2 running" in window.screen.text and gate.waiting() == 2)
        window.type(b"\x03")
        window.look_until(
            lambda: "Ctrl-C again stops the 2 that run: stopped by SIGINT" in window.screen.text
        )
        window.type(b"\x03")
        code = window.ends()

    assert code == 130, window.screen.text
    assert heads(window) == 1
    assert "no new trials: stopped by SIGINT" in window.screen.text
    assert "runner sweep resume" in window.screen.text
    assert "Traceback" not in window.screen.text
    assert not list(programs())


def test_a_kill_leaves_a_terminal_that_can_be_typed_in(user: User) -> None:
    with closed_gate(user, GATED.replace("max_trials: 6", "max_trials: 2")) as gate:
        with terminal(user, *COMMAND, GATE=str(gate.path)) as window:
            window.look_until(lambda: "2 running" in window.screen.text and gate.waiting() == 2)
            os.kill(window.process.pid, signal.SIGKILL)
            window.ends()

        assert window.screen.cursor_is_visible
        assert heads(window) == 1
        finish(user, gate)


def test_closing_the_terminal_ends_the_sweep_and_its_trials(user: User) -> None:
    with closed_gate(user) as gate, terminal(user, *COMMAND, GATE=str(gate.path)) as window:
        window.look_until(lambda: "2 running" in window.screen.text and gate.waiting() == 2)
        window.close()

        assert window.process.wait(60) == 128 + signal.SIGHUP
        wait_until(lambda: not list(programs()))
        assert {run.info.status for run in user.runs()} == {"KILLED"}
        assert the_sweep().state == "stopped"


def test_a_warning_stands_above_the_table(user: User) -> None:
    sweep = SWEEP.replace("parallel: 2", "parallel: 999\nresources: {cpus: 1}")
    user.project(declared(sweep))

    with terminal(user, *COMMAND) as window:
        assert window.ends() == 0, window.screen.text

    assert heads(window) == 1
    (warning,) = re.findall(r"^warning: \d+ trials at once, not 999: .*$", window.screen.text, re.MULTILINE)
    assert window.screen.text.index(warning) < window.screen.text.index("TRIAL")


def finish(user: User, gate: Gate) -> None:
    gate.open()
    done = user.types("sweep", "resume", the_sweep().folder.run_id, GATE=str(gate.path))
    assert done.code == 0, done.err
