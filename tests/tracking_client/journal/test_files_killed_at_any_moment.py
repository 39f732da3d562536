"""kill -9 of programs that log files while their server goes away and comes back: each is there, once, equal."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.processes import has_ended
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server, wait_until
from tracking_client import local_server
from tracking_client.client import TrackingClient
from tracking_client.journal.spool import all_in
from tracking_client.journal.syncing import abandoned_in, sync
from tracking_client.journal_folder import journal_folder
from tracking_client.tracking_uri import LocalStore
from tracking_client.transport import transport_for

ROUNDS = 5
PROGRAMS = 8
"""In each round; all are killed, and so is the server, twice in it."""
LONGEST_S = 3.0
SEEDS = random.SystemRandom()

# Says in a file which calls have returned. The programs are children of one that has imported everything.
NURSERY = """
import os, signal, sys, tempfile, traceback
import urllib3
import tracking_client as tracking
from tracking_client.journal import shipper
from tracking_client.starting import attached
shipper.FIRST_PAUSE_S, shipper.LONGEST_PAUSE_S = 0.02, 0.2

def log(run_id, returned):
    told = os.open(returned, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    run = attached(run_id)
    folder = tempfile.mkdtemp(dir=os.path.dirname(returned))
    number = 0
    while True:
        content = f"{number} ".encode() * (1 + 37 * number % 5000)
        run.client.log_bytes(run_id, content, f"one/{number}.bin")
        os.write(told, b"one %d\\n" % number)
        for name in "abc":
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name.encode() + content)
        run.client.log_artifacts(run_id, folder, f"many/{number}")
        os.write(told, b"many %d\\n" % number)
        run.client.log_text(run_id, str(number), "last.txt")
        os.write(told, b"last %d\\n" % number)
        run.log_metric("m", number, step=number)
        number += 1

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for order in sys.stdin:
    run_id, returned = order.split()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.stdin.close()
        try:
            log(run_id, returned)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print(child, flush=True)
"""


@dataclass(frozen=True)
class Program:
    """A program that logs files until it is killed, and what it said of the calls that returned."""

    pid: int
    run_id: str
    returned: Path

    def calls(self, what: str) -> int:
        """How many of these returned."""
        try:
            lines = self.returned.read_text().splitlines()
        except FileNotFoundError:
            return 0
        return sum(line.startswith(f"{what} ") for line in lines)

    def kill(self) -> None:
        psutil.Process(self.pid).kill()
        wait_until(lambda: has_ended(self.pid), "it is gone")


def _content(number: int) -> bytes:
    return f"{number} ".encode() * (1 + 37 * number % 5000)


def _assert_all_is_there(program: Program, client: TrackingClient, folder: Path) -> int:
    """That each file whose call returned is there as it was logged, and nothing else; how many there are."""
    found = Path(client.download_artifacts(program.run_id, "", folder))
    one, many, last = (program.calls(what) for what in ("one", "many", "last"))
    ones = {int(path.stem): path.read_bytes() for path in found.glob("one/*")}
    # One call may have been under way.
    assert sorted(ones) in (list(range(one)), list(range(one + 1)))
    assert all(content == _content(number) for number, content in ones.items())
    for number in range(many):
        for name in "abc":
            assert (found / "many" / str(number) / name).read_bytes() == name.encode() + _content(number)
    assert len(list(found.glob("many/*/*"))) in range(3 * many, 3 * many + 4)
    if last:
        assert (found / "last.txt").read_text() in (str(last - 1), str(last))
    metrics = client.get_metric_history(program.run_id, "m")
    assert [metric.step for metric in metrics] in (list(range(last)), list(range(max(0, last - 1))))
    return one + 3 * many


@contextmanager
def _restarted_again_and_again(
    store: LocalStore, server: local_server.LocalServer, chance: random.Random
) -> Iterator[list[local_server.LocalServer]]:
    """The server dies, stays away for a moment and comes back, twice."""
    servers = [server]

    def restart() -> None:
        for _ in range(2):
            time.sleep(chance.uniform(0, LONGEST_S / 4))
            stop_server(store, signal.SIGKILL)
            time.sleep(chance.uniform(0, LONGEST_S / 4))
            servers.append(local_server.ensure(store, unreachable=servers[-1]))

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield servers
    finally:
        thread.join()


def test_each_file_whose_call_returned_is_there_once_and_equal(
    store: LocalStore, scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = SEEDS.getrandbits(32)
    chance = random.Random(seed)
    server = local_server.ensure(store)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    client = TrackingClient(store.uri)
    files = kept = 0
    environ = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_TOKEN": server.token or ""}
    with scripts.start_fed(NURSERY, **environ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for number in range(ROUNDS):
            programs = []
            for _ in range(PROGRAMS):
                run_id = client.create_run("0").info.run_id
                returned = scripts.directory / f"returned-{run_id}"
                nursery.stdin.write(f"{run_id} {returned}\n")
                nursery.stdin.flush()
                programs.append(Program(int(nursery.stdout.readline()), run_id, returned))
            with _restarted_again_and_again(store, server, chance) as servers:
                moments = sorted(chance.uniform(0.1, LONGEST_S) for _ in programs)
                began = time.monotonic()
                for moment, program in zip(moments, programs, strict=True):
                    time.sleep(max(0.0, began + moment - time.monotonic()))
                    program.kill()
            server = servers[-1]
            kept += len(list(journal_folder().glob("*/files/*")))
            _sync_all(server)
            for program in programs:
                try:
                    files += _assert_all_is_there(program, client, tmp_path / program.run_id)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, round {number}: {error}") from error
        _, said = nursery.communicate(timeout=20)
    assert "Traceback" not in said, said
    assert files > 0, "no program logged anything"
    assert kept > 0, "no file ever had to wait"


def _sync_all(server: local_server.LocalServer) -> None:
    """Sends what the dead left, by somebody who is killed, too."""
    for journal in abandoned_in(journal_folder()):
        hasty = os.fork()
        if hasty == 0:
            sync(journal.path, transport_for(server.url), progress=lambda _: os.kill(os.getpid(), 9))
            os._exit(0)
        os.waitpid(hasty, 0)
    for journal in abandoned_in(journal_folder()):
        done = sync(journal.path, transport_for(server.url))
        assert done is not None
        assert (done.failure, done.left, done.refused) == (None, 0, ())
        assert done.torn <= 1
    assert all_in(journal_folder()) == []
