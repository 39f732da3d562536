"""Load on a server by wrk, which is fast enough not to be the limit itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load did: answered requests and their latencies."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        """Answers in a second."""
        return self.requests / self.seconds


def start(
    script: str, uri: str, *, connections: int, seconds: float, arguments: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Begin a load that ends by itself; `ended` waits for it."""
    wrk = shutil.which("wrk")
    if wrk is None:
        sys.exit("wrk is needed to make the load: install the package 'wrk' of your system")
    command = [wrk, "--threads=1", f"--connections={connections}", f"--duration={max(1, round(seconds))}s"]
    command += ["--timeout=60s", f"--script={SCRIPTS / script}", uri, "--", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(load: subprocess.Popen[str]) -> Load:
    """The figures of a load. Exits where the server refused some of it."""
    printed, _ = load.communicate(timeout=300)
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    if load.returncode or not lines:
        sys.exit(f"{printed}\nwrk failed with exit code {load.returncode}")
    figures = Load(**json.loads(lines[-1]))
    if figures.failed:
        sys.exit(f"{printed}\n{figures.failed} requests failed")
    return figures


def run(script: str, uri: str, *, connections: int, seconds: float, arguments: Sequence[str] = ()) -> Load:
    """A load from beginning to end."""
    return ended(start(script, uri, connections=connections, seconds=seconds, arguments=arguments))
