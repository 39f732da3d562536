"""What is wrong, or doubtful, in a project file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runner.errors import ManifestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding: what, where (`line` is 1-based, `key` dotted) and what to do.

    An error stops `load` if `at_load`, else only the run of the entry point that it is in. A warning stops
    nothing. `formal` problems are those that `MLproject.schema.json` finds as well.
    """

    severity: Literal["error", "warning"]
    message: str
    path: Path
    line: int | None = None
    key: str = ""
    suggestion: str | None = None
    at_load: bool = True
    formal: bool = False

    def __str__(self) -> str:
        where = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{where}: {self.message}{hint}"

    def error(self) -> ManifestError:
        """The exception that says the same."""
        return ManifestError(self.message, path=self.path, line=self.line, key=self.key, hint=self.suggestion)
