"""Every error that `runner` raises on purpose.

```
RunnerError                     .exit_code, .hint
+- RequestError            2    what was asked for is wrong; nothing was started
|  +- ManifestError             (path, line, key)
|  |  +- ManifestNotFound
|  |  +- EntryPointNotFound     (name, known)
|  +- ParameterError            (name)
|  |  +- MissingParameter
|  |  +- InvalidParameter       (value, kind)
|  +- SettingsError             (key, origin)
|  +- UnknownPlugin             (kind, name, known)
+- ProvisionError          3    what the run needs could not be had
|  +- SourceError               (ref)
|  |  +- CloneFailed
|  |  +- RevisionNotFound
|  +- EnvironmentBuildError     (builder, log_path)
|  +- InterpreterNotFound       (wanted, found)
|  +- SubmissionError           (executor)
|  +- RecordingError            (uri)
+- RunFailed               1    the user's program failed (outcome)
+- RunInterrupted     128 + N  signal N to us ended the run (outcome); 130 for Ctrl-C
```
The message says what happened and where; `hint` says what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.model.run import Outcome


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` most likely was meant to be, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


class RunnerError(Exception):
    """Root of the tree. `str()` is the message, `hint` the next step, `exit_code` the process's."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class RequestError(RunnerError):
    """What was asked for is wrong; nothing was started and nothing was changed."""

    exit_code = 2


class ManifestError(RequestError):
    """A project file is wrong at `path`, `line` (1-based, None if unknown) and `key` (dotted)."""

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        super().__init__(f"{where}{message}", hint=hint)
        self.path = path
        self.line = line
        self.key = key


class ManifestNotFound(ManifestError):
    """The directory that was named as a project does not exist or cannot be one."""


class EntryPointNotFound(ManifestError):
    """No entry point has that name, and no script either.

    `known` lists the declared ones, `scripts` the project's files that could be run, `sweeps` its sweeps;
    `path` is None where the project has no file that declares any.
    """

    def __init__(
        self,
        name: str,
        known: Sequence[str],
        *,
        path: Path | None = None,
        scripts: Sequence[str] = (),
        sweeps: Sequence[str] = (),
    ) -> None:
        meant = suggestion(name, [*known, *scripts, *sweeps])
        has_file = path is not None or known
        declared = f"declared: {', '.join(known) or 'none'}" if has_file else "there is no MLproject file"
        if sweeps:
            declared += f"; sweeps: {', '.join(sweeps)}"
        if meant:
            hint = f"did you mean {meant!r}?"
        elif scripts and not known:
            hint = f"name a script with -e: {', '.join(scripts)}"
        else:
            hint = "name a declared entry point with -e, or a .py or .sh file of the project"
        super().__init__(f"no entry point {name!r} ({declared})", path=path, key=name, hint=hint)
        self.name = name
        self.known = tuple(known)


class ParameterError(RequestError):
    """The parameter `name` cannot be used as given."""

    def __init__(self, message: str, *, name: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class MissingParameter(ParameterError):
    """A required parameter has no value."""


class InvalidParameter(ParameterError):
    """`value` is not a valid `kind` for the parameter."""

    def __init__(self, message: str, *, name: str, value: str, kind: str, hint: str | None = None) -> None:
        super().__init__(message, name=name, hint=hint)
        self.value = value
        self.kind = kind


class SettingsError(RequestError):
    """A setting is wrong: `key` names it and `origin` says where it was read (a variable, a file:line)."""

    def __init__(self, message: str, *, key: str, origin: str, hint: str | None = None) -> None:
        super().__init__(f"{message} ({key} from {origin})", hint=hint)
        self.key = key
        self.origin = origin


class UnknownPlugin(RequestError):
    """No plugin of `kind` is called `name`. `known` lists those there are."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        meant = suggestion(name, known)
        super().__init__(
            f"no {kind} is called {name!r} (known: {', '.join(known)})",
            hint=f"did you mean {meant!r}?" if meant else None,
        )
        self.kind = kind
        self.name = name
        self.known = tuple(known)


class ProvisionError(RunnerError):
    """What the run needs could not be had: sources, environment, executor or tracking."""

    exit_code = 3


class SourceError(ProvisionError):
    """The project's sources at `ref` (as typed, credentials stripped) could not be had."""

    def __init__(self, message: str, *, ref: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.ref = ref


class CloneFailed(SourceError):
    """git could not fetch the repository."""


class RevisionNotFound(SourceError):
    """The repository has no such branch, tag or commit."""


class EnvironmentBuildError(ProvisionError):
    """`builder` could not build an environment; `log_path` holds everything it printed."""

    def __init__(
        self, message: str, *, builder: str, log_path: Path | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.builder = builder
        self.log_path = log_path


class InterpreterNotFound(ProvisionError):
    """No Python `wanted` on this machine. `found` lists the versions there are."""

    def __init__(self, wanted: str, found: Sequence[str]) -> None:
        listed = ", ".join(found) if found else "none"
        super().__init__(
            f"no Python {wanted} on this machine (found: {listed})",
            hint=f"install it with `uv python install {wanted}` or pyenv, "
            "or ask for one of those found in the project's environment file",
        )
        self.wanted = wanted
        self.found = tuple(found)


class SubmissionError(ProvisionError):
    """`executor` did not accept the run."""

    def __init__(self, message: str, *, executor: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.executor = executor


class RecordingError(ProvisionError):
    """The tracking server at `uri` did not take what it was given; `may_pass`: later it may."""

    def __init__(self, message: str, *, uri: str, hint: str | None = None, may_pass: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.uri = uri
        self.may_pass = may_pass


class RunFailed(RunnerError):
    """The user's program failed; `outcome` carries exit code, log path and the last lines."""

    exit_code = 1

    def __init__(self, message: str, *, outcome: Outcome, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.outcome = outcome


class RunInterrupted(RunFailed):
    """A signal to us ended the run; its record says KILLED."""

    exit_code = 130
