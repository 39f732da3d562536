"""What became of a run that a worker performed, on disk before anybody hears of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import errors
from runner.model.run import Outcome, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Either the outcome, or the error that kept the run from having one.

    `stopped_for` is the word that came with the request to stop it, "" where there was none. `may_pass`: the
    error is the tracking server's, and another attempt may go well.
    """

    outcome: Outcome | None = None
    error: str = ""
    message: str = ""
    hint: str | None = None
    stopped_for: str = ""
    may_pass: bool = False

    @classmethod
    def of_error(cls, error: BaseException, *, stopped_for: str = "") -> Report:
        """The report that the run raised `error`."""
        return cls(
            error=type(error).__name__,
            message=str(error) or type(error).__name__,
            hint=getattr(error, "hint", None),
            stopped_for=stopped_for,
            may_pass=isinstance(error, errors.RecordingError) and error.may_pass,
        )

    def result(self) -> Outcome:
        """The outcome. Raises what the run raised: its own kind for a RequestError or ProvisionError."""
        if self.outcome is not None:
            return self.outcome
        kind = getattr(errors, self.error, None)
        is_request = isinstance(kind, type) and issubclass(kind, errors.RequestError)
        if is_request:
            raise errors.RequestError(self.message, hint=self.hint)
        raise errors.ProvisionError(self.message, hint=self.hint)

    def as_json(self) -> dict[str, object]:
        """A description for `of_json`."""
        return {
            "outcome": None if self.outcome is None else _described(self.outcome),
            "error": self.error,
            "message": self.message,
            "hint": self.hint,
            "stopped_for": self.stopped_for,
            "may_pass": self.may_pass,
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Report:
        """What `as_json` described. Raises ValueError, KeyError or TypeError for something else."""
        return cls(
            outcome=None if data["outcome"] is None else _outcome(data["outcome"]),
            error=str(data["error"]),
            message=str(data["message"]),
            hint=None if data["hint"] is None else str(data["hint"]),
            stopped_for=str(data["stopped_for"]),
            may_pass=bool(data.get("may_pass")),
        )


def _outcome(data: Mapping[str, Any]) -> Outcome:
    return Outcome(
        run_id=data["run_id"],
        run_name=data["run_name"],
        status=RunStatus(data["status"]),
        exit_code=data["exit_code"],
        seconds=data["seconds"],
        log_path=Path(data["log_path"]) if data["log_path"] else None,
        tail=data["tail"],
        reason=data["reason"],
        is_all_sent=data.get("is_all_sent", True),
    )


def _described(outcome: Outcome) -> dict[str, object]:
    return {
        "run_id": outcome.run_id,
        "run_name": outcome.run_name,
        "status": outcome.status.value,
        "exit_code": outcome.exit_code,
        "seconds": outcome.seconds,
        "log_path": str(outcome.log_path) if outcome.log_path else None,
        "tail": outcome.tail,
        "reason": outcome.reason,
        "is_all_sent": outcome.is_all_sent,
    }


class Reports:
    """The reports in a folder, each by the token of its run. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, token: str, report: Report) -> None:
        """Puts it on disk, whole or not at all. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = self._place(token)
        draft = place.with_suffix(".draft")
        try:
            with draft.open("wb") as file:
                file.write(json.dumps(report.as_json()).encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, place)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def read(self, token: str) -> Report | None:
        """The report of that run; None where there is none yet."""
        try:
            return Report.of_json(json.loads(self._place(token).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def tokens(self) -> list[str]:
        """The runs that have one."""
        try:
            return sorted(place.stem for place in self._folder.iterdir() if place.suffix == ".json")
        except OSError:
            return []

    def forget(self, token: str) -> None:
        """Removes it: whoever submitted the run has noted what became of it."""
        with suppress(OSError):
            self._place(token).unlink(missing_ok=True)

    def _place(self, token: str) -> Path:
        return self._folder / f"{token}.json"
