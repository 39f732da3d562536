"""kill -9 at chosen moments: what comes after finds a sound cache and succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.sources.staging import staging
from tests.runner.sources.repositories import Fetcher, Repository, git, tree

_FETCH = """
import sys
from runner.settings import read_settings
from runner.sources.fetch import fetch
from runner.sources.reference import parse

fetch(parse(sys.argv[1]), settings=read_settings({"HOME": sys.argv[3], "RUNNER_CACHE_DIR": sys.argv[2]}))
"""


def start(fetcher: Fetcher, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, url, str(fetcher.cache), str(fetcher.cache.parent)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


@pytest.fixture
def stuck(tmp_path: Path, patch: pytest.MonkeyPatch) -> Path:
    """git serves half a pack and then hangs until `go` is in the folder; then `held` is there."""
    hook = tmp_path / "hook"
    hook.write_text(
        "#!/bin/bash\n"
        f'if [ -e "{tmp_path}/go" ]; then exec "$@"; fi\n'
        f'"$@" | (head -c 2000; touch "{tmp_path}/held"\n'
        f'while [ ! -e "{tmp_path}/go" ]; do sleep 0.05; done)\n'
    )
    hook.chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f'[uploadpack]\n\tpackObjectsHook = "{hook}"\n')
    patch.setenv("GIT_CONFIG_GLOBAL", str(config))
    return tmp_path


def test_killed_in_the_middle_of_a_pack(fetcher: Fetcher, origin: Repository, stuck: Path) -> None:
    origin.commit({"large": os.urandom(200_000)})
    first = start(fetcher, origin.url)
    wait_for((stuck / "held").exists)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    (stuck / "go").touch()

    checkout = fetcher(origin.url)

    assert tree(checkout.directory) == tree(origin.path)
    (mirror,) = fetcher.mirrors()
    git(mirror, "fsck", "--strict")
    assert fetcher.leftovers() == []
    assert list(mirror.rglob("*.lock")) == []


def test_killed_in_the_middle_of_an_incremental_fetch(
    fetcher: Fetcher, origin: Repository, stuck: Path
) -> None:
    (stuck / "go").touch()
    before = fetcher(origin.url)
    (stuck / "go").unlink()
    origin.commit({"large": os.urandom(200_000)})
    second = start(fetcher, origin.url)
    wait_for((stuck / "held").exists)
    second.send_signal(signal.SIGKILL)
    second.wait(10)
    (mirror,) = fetcher.mirrors()
    git(mirror, "fsck", "--strict")
    (stuck / "go").touch()

    assert fetcher(origin.url).provenance.commit == origin.head
    assert before.directory.is_dir()
    git(mirror, "fsck", "--strict")


def test_interrupted_git_and_all_its_helpers_end_with_the_fetch(
    fetcher: Fetcher, origin: Repository, stuck: Path
) -> None:
    origin.commit({"large": os.urandom(200_000)})
    first = start(fetcher, origin.url)
    wait_for((stuck / "held").exists)

    first.send_signal(signal.SIGINT)
    first.wait(10)

    assert fetcher.leftovers() == []
    (stuck / "go").touch()


@pytest.mark.parametrize("after_ms", [0, 60, 90, 110, 130, 150, 180, 220])
def test_killed_at_any_moment(fetcher: Fetcher, origin: Repository, tmp_path: Path, after_ms: int) -> None:
    lib = Repository.new(tmp_path / "lib", {"lib.txt": "x" * 10_000})
    origin.add_submodule(lib.url, "lib")
    for _ in range(3):
        origin.commit({f"f{number}": os.urandom(20_000) for number in range(20)})
        process = start(fetcher, origin.url)
        # The moment is the point here; nothing waits for the time to have passed.
        time.sleep(after_ms / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    checkout = fetcher(origin.url)

    assert tree(checkout.directory) == tree(origin.path)
    for mirror in fetcher.mirrors():
        git(mirror, "fsck", "--strict")
    # What an orphaned git still writes lies in a folder that is removed now or at the next fetch.
    wait_for(lambda: fetcher(origin.url) is not None and fetcher.leftovers() == [])


def test_lock_files_of_a_killed_git_in_the_mirror_do_not_block(fetcher: Fetcher, origin: Repository) -> None:
    fetcher(origin.url)
    (mirror,) = fetcher.mirrors()
    for name in ("packed-refs.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock", "shallow.lock"):
        (mirror / name).touch()
    newer = origin.commit({"f": "2"})

    assert fetcher(origin.url).provenance.commit == newer


def test_a_folder_that_a_dead_process_left_is_removed(fetcher: Fetcher, origin: Repository) -> None:
    mirrors = fetcher.cache / "sources" / "mirrors"
    leave = (
        "import os, sys, pathlib; from runner.sources.staging import staging\n"
        "with staging(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'x').write_text('x')\n"
        "    os._exit(9)\n"
    )
    subprocess.run(
        [sys.executable, "-c", leave, str(mirrors)], cwd=Path(__file__).parents[3], check=False, timeout=30
    )
    (left,) = mirrors.iterdir()
    foreign = mirrors / ".staging-0123456789ab-1-1-xyz"
    foreign.mkdir()

    with staging(mirrors) as mine:
        fetcher(origin.url)
        assert mine.exists()

    assert not left.exists()
    assert foreign.exists()
    os.utime(foreign, (1, 1))
    fetcher(origin.url)
    assert not foreign.exists()
