"""What a failed program said last, and whether two of them failed alike. Pure."""

from __future__ import annotations

import re

from runner.model.run import Outcome

_BEGIN = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s+File "(?P<file>.+)", line (?P<line>\d+)(?:, in .+)?$')
_RAISED = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:: .*)?$")
_NOT_THE_PROJECTS = re.compile(r"(?:^|/)(?:site-packages|dist-packages|lib/python[\d.]+)/|^<")
_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{8,}\b|[-+]?\d[\d.,_]*(?:[eE][-+]?\d+)?")


def traceback_of(tail: str) -> str | None:
    """The last Python traceback in a program's output, down to what was raised; None: there is none."""
    lines = tail.splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip() == _BEGIN]
    if not starts:
        return None
    start = starts[-1]
    end = start + 1
    while end < len(lines) and (lines[end].startswith((" ", "\t")) or not lines[end].strip()):
        end += 1
    return "\n".join(lines[start : end + 1])


def exception_of(tail: str) -> str | None:
    """The line of the last traceback that says what was raised."""
    traceback = traceback_of(tail)
    last = traceback.splitlines()[-1] if traceback else ""
    return last[:300] if _RAISED.match(last) else None


def likeness(outcome: Outcome) -> str:
    """Equal for programs that failed alike, whatever their parameters were.

    That is what was raised and the last line of the project's own code that it came from; without a
    traceback, the exit code and the last line of output, with its numbers left out.
    """
    traceback = traceback_of(outcome.tail)
    raised = exception_of(outcome.tail)
    if traceback is None or raised is None:
        last = next((line for line in reversed(outcome.tail.splitlines()) if line.strip()), "")
        return f"exit code {outcome.exit_code}: {normalised(last or outcome.reason, outcome.run_id)}"
    frames = [found for line in traceback.splitlines() if (found := _FRAME.match(line))]
    own = [frame for frame in frames if not _NOT_THE_PROJECTS.search(frame["file"])] or frames
    where = ""
    if own:
        file = own[-1]["file"].replace(outcome.run_id, "*") if outcome.run_id else own[-1]["file"]
        where = f" in {file}:{own[-1]['line']}"
    return f"{raised.partition(':')[0]}{where}"


def normalised(text: str, run_id: str = "") -> str:
    """The text with `#` for each number and each id in it."""
    if run_id:
        text = text.replace(run_id, "*")
    return _VARYING.sub("#", text.strip())
