"""Where a journal finds no place or no room: training goes on, and what is lost is counted and said."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_disks import MakeDisk, small_disks
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import wait_until
from tracking_client import journal_folder as folder
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.journal import journals
from tracking_client.journal.entries import metric_line
from tracking_client.journal.journal import Journal
from tracking_client.journal.spool import all_in
from tracking_client.local_server import LocalServer
from tracking_client.mlflow_client import MlflowClient
from tracking_client.transport import transport_for


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


@pytest.fixture
def spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where journals go when nothing else can be written to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return folder.spare_folder()


@pytest.fixture
def unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal directory that nobody can make, root included: a file is in its way."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(folder.JOURNAL_DIR, str(tmp_path / "file" / "journals"))
    return tmp_path / "file"


def _steps(client: TrackingClient, run_id: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, "m")]


def test_the_journal_is_in_the_state_directory_unless_another_is_chosen(tmp_path: Path, spare: Path) -> None:
    home = str(tmp_path)
    assert folder.journal_folder({folder.JOURNAL_DIR: "x", "XDG_STATE_HOME": home}) == Path.cwd() / "x"
    assert folder.journal_folder({"XDG_STATE_HOME": home}) == tmp_path / "runner" / "journal"
    at_home = Path(os.environ["HOME"], ".local", "state", "runner", "journal")
    assert folder.journal_folder({"XDG_STATE_HOME": "relative"}) == at_home
    assert folder.journal_folder({}) == at_home
    assert folder.journal_folders({}) == [at_home]
    folder.claim_spare_folder()
    assert folder.journal_folders({}) == [at_home, spare]


def test_where_it_cannot_be_written_to_the_spare_directory_is_used(
    unwritable: Path, spare: Path, client: TrackingClient, run_id: str
) -> None:
    program = MlflowClient()
    program.log_metric(run_id, "m", 1.0, 1, 1)
    assert len(all_in(spare)) == 1
    assert spare.stat().st_mode & 0o077 == 0
    assert program.get_run(run_id).data.metrics == {"m": 1.0}
    journals.finish_all()
    assert all_in(spare) == []


@pytest.mark.parametrize("trap", ["everybody's", "a link"])
def test_a_spare_directory_that_others_prepared_is_not_used(
    trap: str,
    unwritable: Path,
    spare: Path,
    tmp_path: Path,
    client: TrackingClient,
    run_id: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What lies there is sent with this user's credentials."""
    (tmp_path / "theirs").mkdir()
    if trap == "a link":
        spare.symlink_to(tmp_path / "theirs")
    else:
        spare.mkdir()
        spare.chmod(0o777)
    program = MlflowClient()
    program.log_metric(run_id, "m", 1.0, 1, 1)
    assert list((tmp_path / "theirs").iterdir()) == []
    assert list(spare.iterdir()) == []
    assert "no journal can be kept" in capfd.readouterr().err
    assert folder.journal_folders() == [folder.journal_folder()]
    assert client.get_run(run_id).data.metrics == {"m": 1.0}


def test_where_there_is_no_place_at_all_values_are_sent_at_once_and_it_is_said_once(
    unwritable: Path,
    spare: Path,
    client: TrackingClient,
    run_id: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spare.write_text("a file is in the way")
    program = MlflowClient()
    for step in range(3):
        program.log_metric(run_id, "m", step, step, step)
        assert _steps(client, run_id) == list(range(step + 1))
    program.log_param(run_id, "p", 1)
    with pytest.raises(InvalidArgument):
        program.log_param(run_id, "p", 2)
    said = capfd.readouterr().err
    assert said.count("no journal can be kept") == 1
    assert folder.JOURNAL_DIR in said


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}"


def test_a_journal_that_is_too_long_loses_metrics_and_nothing_else_while_the_server_is_away(
    nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking_client.journal.shipper.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("tracking_client.journal.shipper.LONGEST_PAUSE_S", 0.01)
    said: list[str] = []
    environ = {"RUNNER_JOURNAL_MAX_MB": "1", "RUNNER_JOURNAL_DIR": os.environ["HOME"] + "/journals"}
    journal = Journal(transport_for(nowhere), environ=environ, say=said.append)
    lines = b"".join(metric_line("r", "m", 0.5, 1, step) for step in range(20_000))
    journal.append_metric(lines)
    wait_until(lambda: any("holds more than 1 MB" in line for line in said), "it is said")
    kept = journal.unshipped
    assert kept is not None
    assert kept[1] == 20_000
    journal.append_metric(metric_line("r", "m", 0.5, 1, 20_000))
    assert journal.lost == 1
    journal.append(b'p\tr\t{"key":"a","value":"1"}\n')
    kept = journal.unshipped
    assert kept is not None
    assert kept[1] == 20_001
    journal.close()


def test_a_journal_that_was_too_long_takes_metrics_again_when_it_is_shipped(
    client: TrackingClient,
    server: LocalServer,
    proxy: Proxy,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tracking_client.journal.shipper.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("tracking_client.journal.shipper.LONGEST_PAUSE_S", 0.01)
    monkeypatch.setenv("RUNNER_JOURNAL_MAX_MB", "1")
    proxy.upstream = server.url
    proxy.plan[:] = ["refuse"] * 10_000
    program = MlflowClient(proxy.url)
    journal = journals.of(program.transport)
    journal.append_metric(b"".join(metric_line(run_id, "m", 0.5, 1, step) for step in range(20_000)))
    wait_until(lambda: journal._is_full, "the journal is full")
    program.log_metric(run_id, "m", 0.5, 1, 20_000)
    assert journal.lost == 1
    proxy.plan.clear()
    wait_until(program.flush, "all is shipped")
    wait_until(lambda: not journal._is_full, "there is room")
    program.log_metric(run_id, "m", 0.5, 1, 20_001)
    assert program.flush()
    assert _steps(client, run_id) == [*range(20_000), 20_001]
    journals.finish_all()
    assert "1 values were lost" in capfd.readouterr().err


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[MakeDisk]:
    with small_disks(tmp_path) as make:
        yield make


@pytest.mark.parametrize("at_once", [1, 7])
def test_on_a_disk_that_is_full_the_loss_is_counted_and_what_fits_later_is_right(
    at_once: int,
    disk: MakeDisk,
    client: TrackingClient,
    server: LocalServer,
    proxy: Proxy,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    place = disk(64)
    filler = place / "filler"
    filler.write_bytes(b"x" * (16 << 10))
    monkeypatch.setenv(folder.JOURNAL_DIR, str(place / "journals"))
    monkeypatch.setattr("tracking_client.journal.shipper.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("tracking_client.journal.shipper.LONGEST_PAUSE_S", 0.01)
    proxy.upstream = server.url
    proxy.plan[:] = ["refuse"] * 10_000  # so that it stays on the disk
    program = MlflowClient(proxy.url)
    journal = journals.of(program.transport)
    last = 0

    def log(count: int) -> None:
        nonlocal last
        for _ in range(count // at_once):
            lines = [metric_line(run_id, "m", 0.5, 1, last + step) for step in range(at_once)]
            journal.append_metric(b"".join(lines))
            last += at_once

    log(1400)
    assert journal.lost > 0
    assert "values are being lost" in capfd.readouterr().err
    before, logged_before = journal.lost, last
    filler.unlink()
    log(70)
    assert journal.lost == before
    proxy.plan.clear()
    wait_until(program.flush, "all that was kept is shipped")
    steps = _steps(client, run_id)
    assert len(steps) == last - journal.lost
    assert steps[-70:] == list(range(logged_before, last))
    assert steps == sorted(set(steps))
    journals.finish_all()
    assert f"{before:,} values were lost" in capfd.readouterr().err
    assert all_in(place / "journals") == []


def test_a_flush_on_a_full_disk_does_not_wait_for_the_line_that_was_cut(
    disk: MakeDisk, client: TrackingClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = disk(32)
    monkeypatch.setenv(folder.JOURNAL_DIR, str(place / "journals"))
    monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "10")
    monkeypatch.setattr("tracking_client.journal.shipper.GATHER_S", 60.0)
    program = MlflowClient()
    journal = journals.of(program.transport)
    for step in range(2000):
        journal.append_metric(metric_line(run_id, "m", 0.5, 1, step))
    assert journal.lost
    assert program.flush()
    assert len(_steps(client, run_id)) == 2000 - journal.lost
    assert journal.unshipped is None


def test_a_training_whose_disk_is_full_from_the_start_goes_on(
    disk: MakeDisk, client: TrackingClient, run_id: str, scripts: Scripts
) -> None:
    place = disk(64)
    with (place / "filler").open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    source = """
import tracking_client as tracking
with tracking.start_run():
    for step in range(100):
        tracking.log_metric("m", step, step=step)
"""
    # The directory for temporary files takes over, and it is full in the second case, too.
    for temporary in (str(scripts.directory), str(place)):
        done = scripts.run(
            source, MLFLOW_RUN_ID=run_id, RUNNER_JOURNAL_DIR=str(place / "journals"), TMPDIR=temporary
        )
        assert done.returncode == 0, done.stderr
        assert not re.search("lost|Traceback", done.stderr.replace("lost where that fails", ""))
        assert _steps(client, run_id)[:100] == sorted([*range(100)])[: len(_steps(client, run_id))]
    assert all_in(place / "journals") == []
