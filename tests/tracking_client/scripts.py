"""Python programs that use the client, as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Scripts:
    """Runs Python programs that use the client, as processes of their own."""

    directory: Path

    def start(self, source: str, *args: str, **environ: str | None) -> subprocess.Popen[str]:
        """Starts `source`; a None in `environ` removes the variable."""
        return self._start(source, args, environ, subprocess.DEVNULL)

    def start_fed(self, source: str, *args: str, **environ: str | None) -> subprocess.Popen[str]:
        """Starts `source`, whose standard input is a pipe."""
        return self._start(source, args, environ, subprocess.PIPE)

    def _start(
        self, source: str, args: tuple[str, ...], environ: dict[str, str | None], stdin: int
    ) -> subprocess.Popen[str]:
        path = self.directory / f"script-{os.urandom(4).hex()}.py"
        path.write_text(source)
        merged = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", **environ}
        return subprocess.Popen(
            [sys.executable, str(path), *args],
            cwd=self.directory,
            env={name: value for name, value in merged.items() if value is not None},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: str, *args: str, **environ: str | None) -> subprocess.CompletedProcess[str]:
        """Runs `source` to its end."""
        with self.start(source, *args, **environ) as process:
            try:
                out, err = process.communicate(timeout=60)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
