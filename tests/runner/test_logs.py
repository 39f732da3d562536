from __future__ import annotations

import os
from pathlib import Path

from runner.recording.logs import KEEP_S, remove_old_logs

NOW = 1_000_000_000.0


def log(folder: Path, run_id: str, age_s: float) -> Path:
    file = folder / run_id / "output.log"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    for path in (file, file.parent):
        os.utime(path, (NOW - age_s, NOW - age_s))
    return file


def test_logs_that_nobody_wrote_to_for_a_month_go_and_others_stay(tmp_path: Path) -> None:
    old, young = log(tmp_path, "old", KEEP_S + 1), log(tmp_path, "young", KEEP_S - 1)

    remove_old_logs(tmp_path, now=NOW)

    assert not old.parent.exists()
    assert young.exists()


def test_a_second_look_on_the_same_day_costs_nothing(tmp_path: Path) -> None:
    remove_old_logs(tmp_path, now=NOW)
    old = log(tmp_path, "old", KEEP_S + 1)

    remove_old_logs(tmp_path, now=NOW + 60)
    assert old.exists()

    remove_old_logs(tmp_path, now=NOW + 25 * 3600)
    assert not old.exists()


def test_a_folder_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    remove_old_logs(tmp_path / "none")
