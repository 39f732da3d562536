"""kill -9 of programs that log, of their server, and of both: what a call that returned said is there, once."""

from __future__ import annotations

import math
import random
import signal
import sys
import time
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

ROUNDS = 10
PROGRAMS = 20
"""In each round; all but one are killed, and so is the server in the middle of it."""
LONGEST_S = 0.3
SEEDS = random.SystemRandom()

# Says in a file which calls have returned. The whole program is children of one that has imported
# everything, because 200 interpreters take longer to start than the test may last.
NURSERY = """
import math, os, signal, sys, traceback
import urllib3
import tracking_client as tracking
from tracking_client.journal import journals
from tracking_client.starting import attached

VALUES = [0.1, -0.0, math.nan, 1e308, math.inf, 5e-324, -math.inf]

def log(run_id, returned, calls):
    told = os.open(returned, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    run = attached(run_id)
    client = tracking.MlflowClient()
    for number in range(calls):
        run.log_metric("m", VALUES[number % 7], step=number, timestamp=1000 + number)
        if number % 10 == 0:
            run.log_params({f"p{number}": number})
        if number % 13 == 0:
            client.set_tag(run_id, "last", number)
        if number % 100 == 0:
            client.log_metric(run_id, "by the client", number, 1000 + number, number)
        os.write(told, b"%d\\n" % number)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for order in sys.stdin:
    run_id, returned, calls = order.split()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.stdin.close()
        try:
            log(run_id, returned, int(calls))
            journals.finish_all()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    print(child, flush=True)
"""


@dataclass(frozen=True)
class Program:
    """A program that logs `calls` times, and what it said of the calls that returned."""

    pid: int
    run_id: str
    returned: Path
    calls: int

    def last(self) -> int:
        """The number of the last call that returned; -1 before the first."""
        try:
            return len(self.returned.read_bytes().splitlines()) - 1
        except FileNotFoundError:
            return -1

    def kill(self) -> None:
        try:
            psutil.Process(self.pid).kill()
        except psutil.NoSuchProcess:
            pass

    def is_gone(self) -> bool:
        return has_ended(self.pid)


def _assert_all_is_there(program: Program, client: TrackingClient) -> None:
    last = program.last()
    most = sys.float_info.max  # is what MLflow's servers, and ours, keep of infinity
    values = [0.1, -0.0, math.nan, 1e308, most, 5e-324, -most]
    history = client.get_metric_history(program.run_id, "m")
    # One call may have been under way.
    assert len(history) in (last + 1, last + 2)
    assert [metric.step for metric in history] == list(range(len(history)))
    for metric in history:
        expected = values[metric.step % 7]
        assert metric.value == expected or (math.isnan(metric.value) and math.isnan(expected))
    data = client.get_run(program.run_id).data
    assert {f"p{number}": str(number) for number in range(0, last + 1, 10)}.items() <= data.params.items()
    if last >= 0:
        said = list(range(0, last + 2, 13))[-2:]
        assert data.tags["last"] in {str(number) for number in said if number + 13 > last}
    by_client = [metric.step for metric in client.get_metric_history(program.run_id, "by the client")]
    assert by_client in (list(range(0, last + 1, 100)), list(range(0, last + 2, 100)))


class Nursery:
    """Starts programs as children of one process."""

    def __init__(self, scripts: Scripts, server: local_server.LocalServer) -> None:
        self._folder = scripts.directory
        self._process = scripts.start_fed(
            NURSERY,
            MLFLOW_TRACKING_URI=server.url,
            MLFLOW_TRACKING_TOKEN=server.token or "",
            RUNNER_HTTP_DEADLINE_S="30",
        )

    def start(self, run_id: str, calls: int) -> Program:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        returned = self._folder / f"returned-{run_id}"
        self._process.stdin.write(f"{run_id} {returned} {calls}\n")
        self._process.stdin.flush()
        return Program(int(self._process.stdout.readline()), run_id, returned, calls)

    def close(self) -> str:
        return self._process.communicate(timeout=20)[1]


def test_whoever_is_killed_whenever_it_is_all_is_there_after_a_sync(
    store: LocalStore, scripts: Scripts
) -> None:
    seed = SEEDS.getrandbits(32)
    chance = random.Random(seed)
    server = local_server.ensure(store)
    client = TrackingClient(store.uri)
    nursery = Nursery(scripts, server)
    try:
        for number in range(ROUNDS):
            programs = [
                nursery.start(client.create_run("0").info.run_id, 100_000 if index else 500)
                for index in range(PROGRAMS)
            ]
            _kill_one_by_one(programs[1:], store, chance)
            server = local_server.ensure(store, unreachable=server)
            wait_until(programs[0].is_gone, "the program that nobody killed has ended", 60)
            assert programs[0].last() == programs[0].calls - 1
            assert len(client.get_metric_history(programs[0].run_id, "m")) == programs[0].calls
            _sync_all(server)
            for program in programs:
                try:
                    _assert_all_is_there(program, client)
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, round {number}: {error}") from error
    finally:
        said = nursery.close()
    assert "Traceback" not in said, said


def _kill_one_by_one(programs: list[Program], store: LocalStore, chance: random.Random) -> None:
    """Kills all of them at moments of their own, and the server among them."""
    moments: list[tuple[float, Program | None]] = [(chance.uniform(0, LONGEST_S), None)]
    moments += [(chance.uniform(0, LONGEST_S), program) for program in programs]
    began = time.monotonic()
    for moment, program in sorted(moments, key=lambda pair: pair[0]):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        if program is None:
            stop_server(store, signal.SIGKILL)
        else:
            program.kill()
    for program in programs:
        wait_until(program.is_gone, "it is gone")


def _sync_all(server: local_server.LocalServer) -> None:
    transport = transport_for(server.url)
    for journal in abandoned_in(journal_folder()):
        done = sync(journal.path, transport)
        assert done is not None
        assert (done.failure, done.left, done.refused) == (None, 0, ())
        # The kernel may end a write in the middle of its line, whose call then has not returned.
        assert done.torn <= 1
    assert all_in(journal_folder()) == []


@pytest.fixture(autouse=True)
def _credentials(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    server = local_server.ensure(store)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
