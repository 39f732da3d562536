"""Tracking servers under measurement: started, awaited, weighed, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from environments import Side

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server that answers. `start_s` is from the start of its process to its first answer."""

    uri: str
    pid: int
    start_s: float

    def memory_mb(self) -> float:
        """Resident memory of the server and all its descendants, in MB."""
        processes = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        return sum(process.memory_info().rss for process in processes) / 1e6

    def processes(self) -> int:
        """How many processes it consists of."""
        return 1 + len(psutil.Process(self.pid).children(recursive=True))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still meanwhile: what idles here must not slow the other one down."""
        os.killpg(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.pid, signal.SIGCONT)


@contextmanager
def serving(side: Side, home: Path, directory: Path, *, is_new: bool = True) -> Iterator[Running]:
    """A server of the store in `directory`, made here if it `is_new`. Both sides take the same options."""
    if is_new:
        directory.mkdir(parents=True)
    port = _free_port()
    argv = [str(side.bin / side.name), "server", "--host", "127.0.0.1", "--port", str(port)]
    argv += ["--backend-store-uri", f"sqlite:///{directory}/mlruns.db"]
    argv += ["--artifacts-destination", str(directory / "artifacts")]
    log = directory / "server.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=directory,
            env=side.environ(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        uri = f"http://127.0.0.1:{port}"
        _await_answer(uri, process, log)
        yield Running(uri=uri, pid=process.pid, start_s=time.perf_counter() - started)
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while not _answers(uri):
        if process.poll() is not None or time.monotonic() > give_up_at:
            sys.exit(f"{log.read_text(errors='replace')[-3000:]}\nthe server at {uri} does not answer")
        time.sleep(POLL_S)


def _answers(uri: str) -> bool:
    try:
        with urllib.request.urlopen(f"{uri}/health", timeout=5):
            return True
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for leftover in psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)[1]:
        leftover.kill()
