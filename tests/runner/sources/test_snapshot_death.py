"""kill -9 while sources are frozen, or what a trial wrote is put away: doing it again makes it whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runner.sources.snapshot import snapshot
from runner.sources.working_copy import working_copy
from runner.sources.written import keep_what_was_written
from tests.runner.sources.repositories import Fetcher, Repository, tree

_DYING = """
import os, signal, sys
from pathlib import Path

left = int(sys.argv[1])

def dying(call):
    def step(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)
    return step
"""
_SNAPSHOT = """
from runner.events import ignore
from runner.sources import snapshot
from runner.sources.directory import open_directory
from runner.sources.reference import parse

snapshot.copy_file = dying(snapshot.copy_file)
os.rename = dying(os.rename)
snapshot.snapshot(open_directory(parse(sys.argv[2], None), listener=ignore), Path(sys.argv[3]))
"""
_KEEP = """
from runner.sources.written import keep_what_was_written

os.replace = dying(os.replace)
keep_what_was_written(Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
"""


def killed_after(steps: int, program: str, *arguments: Path) -> bool:
    """Runs the program, which kills itself at its next step; False where it ended before."""
    done = subprocess.run(
        [sys.executable, "-c", _DYING + program, str(steps), *map(str, arguments)],
        cwd=Path(__file__).parents[3],
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


@pytest.mark.parametrize("steps", [0, 1, 3, 4, 5])
def test_a_snapshot_is_there_whole_or_not_at_all(
    steps: int, fetcher: Fetcher, origin: Repository, tmp_path: Path
) -> None:
    origin.write({"a.py": "1", "b.py": "2", "lib/c.py": "3"})
    into = tmp_path / "sweep" / "source"

    # Four files, the repository, the whole.
    assert killed_after(steps, _SNAPSHOT, origin.path, into)

    assert not into.exists()
    snapshot(fetcher(str(origin.path)), into)
    assert tree(into) == tree(origin.path)
    assert os.listdir(into.parent) == ["source"]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_no_file_that_a_trial_wrote_is_lost_by_putting_it_away(
    steps: int, fetcher: Fetcher, origin: Repository, tmp_path: Path
) -> None:
    shared = snapshot(fetcher(str(origin.path)), tmp_path / "sweep" / "source").directory
    copy = working_copy(snapshot(fetcher(str(origin.path)), tmp_path / "other"), tmp_path / "copy").directory
    written = {f"out/{name}": ("file", name.encode()) for name in ("a", "b", "c")}
    (copy / "out").mkdir()
    for path, (_, content) in written.items():
        (copy / path).write_bytes(content)

    assert killed_after(steps, _KEEP, copy, shared, tmp_path / "kept")
    keep_what_was_written(copy, shared, tmp_path / "kept")

    assert tree(tmp_path / "kept") == written
