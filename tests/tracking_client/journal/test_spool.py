"""A journal's directory: whose it is, how far it is shipped, and what becomes of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.tracking_client.scripts import Scripts
from tracking_client.journal.spool import (
    REFUSED_FOLDER,
    START,
    Position,
    Spool,
    all_in,
    read_about,
    remove_remains,
)

URI = "http://127.0.0.1:1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def _write(spool: Spool, *texts: bytes) -> None:
    """Each text into a segment of its own."""
    for text in texts:
        descriptor = spool.new_segment()
        os.write(descriptor, text)
        os.close(descriptor)


def test_a_journal_says_who_writes_it_for_which_server_and_is_private(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    about = read_about(spool.path)
    assert (about.tracking_uri, about.pid) == (URI, os.getpid())
    assert [path.stat().st_mode & 0o077 for path in (folder, spool.path)] == [0, 0]
    assert all_in(folder) == [spool.path]
    spool.leave()


def test_a_journal_of_the_living_is_nobody_elses(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    assert Spool.adopt(spool.path) is None
    spool.leave()
    adopted = Spool.adopt(spool.path)
    assert adopted is not None
    assert Spool.adopt(spool.path) is None
    adopted.finish()
    assert all_in(folder) == []


def test_what_is_no_journal_is_not_adopted(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    spool.leave()
    (spool.path / "about.json").write_text('{"format": 3}')
    assert Spool.adopt(spool.path) is None
    (spool.path / "about.json").write_text("[]")
    assert Spool.adopt(spool.path) is None
    assert Spool.adopt(folder / "nothing") is None
    assert all_in(folder / "nothing") == []


def test_the_position_is_known_to_whoever_adopts_the_journal(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    _write(spool, b"one\ntwo\n", b"three\n")
    assert spool.position == START
    assert spool.unshipped_bytes == 14
    spool.shipped(Position(1, 4))
    spool.leave()
    adopted = Spool.adopt(spool.path)
    assert adopted is not None
    assert adopted.position == Position(1, 4)
    text, end = adopted.read(100)
    assert (text, end) == (b"two\n", Position(1, 8))
    adopted.shipped(end)
    text, end = adopted.read(100)
    assert (text, end) == (b"three\n", Position(2, 6))
    adopted.shipped(end)
    assert adopted.segments() == [2]
    assert adopted.read(100) == (b"", end)
    adopted.finish()
    assert all_in(folder) == []


def test_a_journal_with_something_left_is_kept_and_taken_up_by_the_next(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    _write(spool, b"one\n")
    spool.finish()
    adopted = Spool.adopt(spool.path)
    assert adopted is not None
    assert adopted.read(100)[0] == b"one\n"
    adopted.leave()


@pytest.mark.parametrize("most_bytes", [1, 5, 1000])
def test_lines_are_read_whole_however_long_they_are_and_a_torn_one_only_where_it_cannot_go_on(
    folder: Path, most_bytes: int
) -> None:
    spool = Spool.create(folder, URI)
    _write(spool, b"a" * 3000 + b"\nshort\ntorn", b"\nlast\nunfinished")
    read: list[bytes] = []
    position = spool.position
    while True:
        text, position = spool.read(most_bytes, position)
        if not text:
            break
        assert text.endswith(b"\n")
        read.append(text)
    assert b"".join(read) == b"a" * 3000 + b"\nshort\ntorn\n\nlast\n"
    spool.leave()


def test_what_was_refused_stays_beside_the_journals_when_the_rest_is_done(folder: Path) -> None:
    spool = Spool.create(folder, URI)
    spool.refuse({"error": "never"})
    spool.finish()
    assert all_in(folder) == []
    (kept,) = (folder / REFUSED_FOLDER).iterdir()
    assert kept.read_text() == '{"error": "never"}\n'


def test_a_forked_child_of_the_owner_neither_holds_nor_frees_the_journal(
    folder: Path, scripts: Scripts
) -> None:
    """The lock goes with the owner: neither a child that ends nor one that stays changes that."""
    source = """
import os, signal, sys
import tracking_client.journal.journals as journals
from tracking_client.transport import transport_for
from tracking_client.journal.entries import metric_line
journal = journals.of(transport_for("http://127.0.0.1:1"))
journal.append(metric_line("r", "m", 1.0, 1, 1))
if os.fork() == 0:
    os._exit(0)
os.wait()
staying = os.fork()
if staying == 0:
    print(os.getpid(), flush=True)  # once all that is done after a fork is done
    signal.pause()
    os._exit(0)
signal.pause()
"""
    with scripts.start(source, RUNNER_JOURNAL_DIR=str(folder)) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        (path,) = all_in(folder)
        assert Spool.adopt(path) is None
        process.kill()
        process.wait()
        adopted = Spool.adopt(path)
        os.kill(child, signal.SIGKILL)
    assert adopted is not None
    assert adopted.read(1000)[0].count(b"\n") == 1
    adopted.leave()


def test_a_journal_that_is_being_removed_is_no_journal_any_more(folder: Path) -> None:
    """Whoever dies in the middle of it leaves nothing that could be shipped twice."""
    spool = Spool.create(folder, URI)
    spool.leave()
    spool.path.rename(folder / f".done-{spool.path.name}")
    assert all_in(folder) == []
    remove_remains(folder)
    assert list(folder.iterdir()) == []


def test_a_journal_that_is_being_made_is_left_alone_for_an_hour(folder: Path) -> None:
    for name, age_s in ((".new-young", 60), (".new-old", 4000)):
        (folder / name).mkdir(parents=True)
        then = os.stat(folder).st_mtime - age_s
        os.utime(folder / name, (then, then))
    remove_remains(folder)
    assert [path.name for path in folder.iterdir()] == [".new-young"]


def test_a_journal_ends_with_its_last_whole_line(folder: Path) -> None:
    """A segment that is new, and a line that was cut, are nothing that could be waited for."""
    spool = Spool.create(folder, URI)
    assert spool.end == START
    assert spool.is_shipped
    _write(spool, b"one\n" + b"torn" * 5000, b"")
    assert spool.end == Position(1, 4)
    assert not spool.is_shipped
    spool.shipped(spool.end)
    assert spool.is_shipped
    spool.finish()
    assert all_in(folder) == []
