"""What it takes to fill a directory with an environment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runner.errors import EnvironmentBuildError
from runner.model.environment import Environment, EnvironmentSpec
from runner.process import ToolTimeout, run_logged

_TAIL_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """One build: `spec` into `prefix`, which does not exist yet, with everything printed to `log_path`.

    `environ` is what tools are started with, `staging` an existing private directory that is removed
    afterwards. `report` takes a word for the step, `warn` a sentence for the user. `deadline` is a
    `time.monotonic()`.
    """

    spec: EnvironmentSpec
    prefix: Path
    staging: Path
    log_path: Path
    environ: Mapping[str, str]
    report: Callable[[str], None]
    warn: Callable[[str], None]
    deadline: float

    def left_s(self) -> float:
        """Seconds that are left for the build, at least one."""
        return max(1.0, self.deadline - time.monotonic())

    def run(
        self,
        argv: Sequence[str],
        *,
        builder: str,
        failure: str,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Runs a tool of the build to its end.

        Raises EnvironmentBuildError, beginning with `failure`, where it fails or takes too long.
        """
        try:
            code = run_logged(
                argv,
                log_path=self.log_path,
                cwd=cwd,
                environ=self.environ if environ is None else environ,
                timeout_s=self.left_s(),
            )
        except ToolTimeout as error:
            raise self.failed(f"{failure}: {error}", builder=builder) from error
        except FileNotFoundError as error:
            raise self.failed(f"{failure}: there is no program {argv[0]}", builder=builder) from error
        if code != 0:
            ending = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
            raise self.failed(f"{failure} ({ending})", builder=builder)

    def failed(self, message: str, *, builder: str, hint: str | None = None) -> EnvironmentBuildError:
        """The error for this build: the message, the end of the log, and where all of it is."""
        tail = log_tail(self.log_path)
        shown = f"{message}\n{tail}" if tail else message
        return EnvironmentBuildError(
            shown, builder=builder, log_path=self.log_path, hint=hint or f"the whole log: {self.log_path}"
        )


class EnvironmentBuilder(Protocol):
    """Makes environments of one kind. Stateless, so safe to use from any number of threads and processes."""

    name: str

    def build(self, order: BuildOrder) -> Environment:
        """Fills `order.prefix` and says how to run in it, with the lock of what was installed.

        Raises EnvironmentBuildError or InterpreterNotFound. Whatever is left in the prefix then, or where
        the process dies, is never used by anybody.
        """
        ...


def log_tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines that a build's last tool printed, without credentials; "" where there are none."""
    from runner.redaction import Redactor

    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 8192))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    printed = [line.rstrip() for line in text.splitlines() if line.strip()]
    last_tool = max(
        (number for number, line in enumerate(printed, start=1) if line.startswith("$ ")), default=0
    )
    kept = printed[last_tool:]
    return Redactor(()).hide_text("\n".join(f"  {line}" for line in kept[-lines:]))
