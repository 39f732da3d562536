"""Where our server deliberately answers otherwise than MLflow: what such a rule is. The rules, each with its
reason, are in `deliberate/`.

A rule says which exchanges it covers and what we answer there instead; both what MLflow answered and what we
answer are held, so that a rule cannot hide anything else. Every rule must be met by some recording.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One deliberate difference.

    It covers exchanges of the recordings in `recordings` whose line (`say | METHOD target json`) has
    `request`, that MLflow answered with the status `theirs` and a message that has `their_message`. There we
    answer with the status `ours`, and where that is an error, with `code` and a message that has `message`.
    Without `ours` all must be equal but the message, which has `message`, and the fields in `ignored`.
    """

    name: str
    why: str
    recordings: str = ".*"
    request: str = ""
    theirs: int | None = None
    their_message: str = ""
    ours: int | None = None
    code: str = "INVALID_PARAMETER_VALUE"
    message: str | None = None
    ignored: tuple[str, ...] = ()

    def covers(self, recording: str, said: str, line: dict[str, Any]) -> bool:
        """Whether the rule is about this exchange."""
        if self.theirs is not None and line["got"] != self.theirs:
            return False
        if not re.fullmatch(self.recordings, recording) or not re.search(self.request, said, re.DOTALL):
            return False
        reply = line.get("reply")
        theirs = reply.get("message", "") if isinstance(reply, dict) else ""
        return re.search(self.their_message, theirs if isinstance(theirs, str) else "", re.DOTALL) is not None

    def apply(
        self, expected: dict[str, Any], actual: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is to be compared instead."""
        expected, actual = copy.deepcopy(expected), copy.deepcopy(actual)
        if self.ours is not None:
            actual.pop("headers_got", None)
            expected = {"got": self.ours}
            if self.ours < 400:
                actual.pop("reply", None)
            else:
                expected["reply"] = {"error_code": self.code, "message": self.message or ""}
        if self.message is not None:
            ours = actual.get("reply", {}).get("message", "")
            if re.search(self.message, ours, re.DOTALL):
                expected["reply"]["message"] = ours
        for path in self.ignored:
            _drop(expected, path.split("."))
            _drop(actual, path.split("."))
        return expected, actual


def _drop(value: Any, path: list[str]) -> None:
    """Remove a field; `*` is every item of a list, `-1` the last one."""
    if path[0] in ("*", "-1") and isinstance(value, list):
        for item in value if path[0] == "*" else value[-1:]:
            _drop(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        if len(path) == 1:
            del value[path[0]]
        else:
            _drop(value[path[0]], path[1:])
