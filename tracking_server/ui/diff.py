"""A patch as git writes it, taken apart for a page: files, hunks, and lines with their numbers.

Format: git-diff(1), "Generating patch text with -p". What does not follow it is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["added", "removed", "same", "note"]

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)")
_ESCAPED = re.compile(r"\\([0-7]{3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CHANGES = {
    "new file mode": "new",
    "deleted file mode": "deleted",
    "rename to": "renamed",
    "copy to": "copied",
    "old mode": "mode changed",
    "GIT binary patch": "binary",
    "Binary files": "binary",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its sign; its number before and after the change, None where it is not there."""

    kind: Kind
    text: str
    before: int | None = None
    after: int | None = None


@dataclass(slots=True)
class Hunk:
    """Lines that stand together; `context` is what git says they belong to, such as a function's name."""

    context: str
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class File:
    """A file that the patch changes. `changes` are words such as "new", "deleted", "binary"."""

    path: str
    changes: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Diff:
    """The files of a patch. `is_cut`: its end is left out."""

    files: Sequence[File]
    is_cut: bool


def parsed(patch: str, most_lines: int) -> Diff:
    """The files of `patch`, up to so many lines of it. Takes any text."""
    reader = _Reader()
    lines = patch.split("\n")
    if lines[-1] == "":
        lines.pop()
    for line in lines[:most_lines]:
        reader.take(line)
    return Diff(files=reader.files, is_cut=len(lines) > most_lines)


@dataclass(slots=True)
class _Reader:
    """Where in a patch one is: how many lines the present hunk still has, and their numbers."""

    files: list[File] = field(default_factory=list)
    before: int = 0
    after: int = 0
    left_before: int = 0
    left_after: int = 0
    is_binary: bool = False

    def take(self, line: str) -> None:
        if self.left_before > 0 or self.left_after > 0:
            self._take_in_hunk(line)
        elif line.startswith("diff --git "):
            self.is_binary = False
            self.files.append(File(path=_path_of_header(line)))
        elif not self.is_binary or not self.files:
            self._take_between(line)

    def _take_in_hunk(self, line: str) -> None:
        file = self.files[-1]
        lines = file.hunks[-1].lines
        sign, text = line[:1], line[1:]
        if sign == "+":
            lines.append(Line("added", text, None, self.after))
            file.added += 1
        elif sign == "-":
            lines.append(Line("removed", text, self.before, None))
            file.removed += 1
        elif sign == "\\":
            lines.append(Line("note", text.strip()))
            return
        else:
            # An empty line of context may have lost its space.
            lines.append(Line("same", text, self.before, self.after))
        if sign != "+":
            self.before += 1
            self.left_before -= 1
        if sign != "-":
            self.after += 1
            self.left_after -= 1

    def _take_between(self, line: str) -> None:
        hunk = _HUNK.fullmatch(line)
        if not self.files:
            if not line.strip():
                return
            self.files.append(File(path=""))
        file = self.files[-1]
        if hunk is not None:
            self.before, self.after = int(hunk[1]), int(hunk[3])
            self.left_before, self.left_after = int(hunk[2] or 1), int(hunk[4] or 1)
            file.hunks.append(Hunk(context=hunk[5]))
        elif line.startswith(("--- ", "+++ ")):
            path = _path(line[4:])
            if path is not None:
                file.path = path
        elif line.startswith("\\"):
            if file.hunks:
                file.hunks[-1].lines.append(Line("note", line[1:].strip()))
        elif not line.startswith(("index ", "similarity index ", "rename from ", "copy from ", "new mode ")):
            self._take_change(file, line)

    def _take_change(self, file: File, line: str) -> None:
        for beginning, word in _CHANGES.items():
            if line.startswith(beginning):
                file.changes.append(word)
                self.is_binary = word == "binary"
                return
        if line.strip():
            if not file.hunks:
                file.hunks.append(Hunk(context=""))
            file.hunks[-1].lines.append(Line("note", line))


def _path(given: str) -> str | None:
    """The path of a `---` or `+++` line, None for /dev/null."""
    given = _unquoted(given.rstrip("\t"))
    return None if given == "/dev/null" else given.partition("/")[2] or given


def _path_of_header(line: str) -> str:
    """The path in `diff --git a/PATH b/PATH`, where both are the same unless a later line says otherwise."""
    rest = line.removeprefix("diff --git ")
    if rest.startswith('"'):
        second = rest.rpartition(' "')[2]
        return _path('"' + second) or rest
    middle = len(rest) // 2
    first, second = rest[:middle], rest[middle + 1 :]
    same = first.partition("/")[2] == second.partition("/")[2]
    return second.partition("/")[2] if same and second else rest.rpartition(" b/")[2] or rest


def _unquoted(given: str) -> str:
    """A name as it is: git writes one with unusual characters as C does, its bytes in octal."""
    if len(given) < 2 or not (given.startswith('"') and given.endswith('"')):
        return given

    def character(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code, 8) & 0xFF) if len(code) == 3 else _LETTERS.get(code, code)

    # Octal escapes stand for bytes of UTF-8, all other characters for themselves.
    parts = re.split(r"((?:\\[0-7]{3})+)", given[1:-1])
    return "".join(
        bytes(int(code, 8) & 0xFF for code in part.split("\\")[1:]).decode("utf-8", "replace")
        if index % 2
        else _ESCAPED.sub(character, part)
        for index, part in enumerate(parts)
    )
