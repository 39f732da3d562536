"""The uncommitted changes of runs beside those of the baseline: whose differ, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracking_server.ui import diff
from tracking_server.ui.compare import side_by_side
from tracking_server.ui.compare.code import Files, Origins
from tracking_server.ui.compare.comparison import Comparison
from tracking_server.ui.compare.table import Column

MOST_LINES = 1000
"""So many lines of all files of two patches are set side by side."""
MOST_PATCH_LINES = 10_000
"""So many lines of a patch are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A run with its uncommitted changes; `patch` None where it has none, or nobody can read them.

    `is_alike`: they are the baseline's too.
    """

    column: Column
    patch: diff.Diff | None
    is_unread: bool
    is_alike: bool

    @property
    def added(self) -> int:
        """How many lines it adds."""
        return sum(file.added for file in self.patch.files) if self.patch else 0

    @property
    def removed(self) -> int:
        """How many lines it removes."""
        return sum(file.removed for file in self.patch.files) if self.patch else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePair:
    """One changed file in two runs: the lines of either patch side by side."""

    path: str
    beside: side_by_side.SideBySide


@dataclass(slots=True, kw_only=True)
class Patches:
    """Every run's changes, and those of one run beside the reference's, file by file.

    `alike` are files with the same changes in both. `left_out`: so many lines are not shown.
    """

    runs: Sequence[Changed]
    reference: Column
    shown: Column | None = None
    files: list[FilePair] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    left_out: int = 0
    problem: str = ""


def of(comparison: Comparison, known: Origins, files: Files) -> Patches | None:
    """The changes of the runs; None where none has any."""
    uris = [known.patch_of(column) for column in range(len(comparison.columns))]
    if not any(uris):
        return None
    texts = {uri: head.text for uri, head in files.heads.items() if head is not None}
    parsed = {uri: diff.parsed(text, MOST_PATCH_LINES) for uri, text in texts.items()}
    own = [texts.get(uri or "", "") for uri in uris]
    reference = comparison.reference
    runs = [
        Changed(
            column=column,
            patch=parsed.get(uri) if uri else None,
            is_unread=uri is not None and uri not in texts,
            is_alike=own[index] == own[reference],
        )
        for index, (column, uri) in enumerate(zip(comparison.columns, uris, strict=True))
    ]
    result = Patches(runs=runs, reference=comparison.columns[reference], problem=files.problem)
    shown = _shown(comparison, runs)
    if shown is not None:
        result.shown = comparison.columns[shown]
        _set_side_by_side(result, own[reference], own[shown])
    return result


def _shown(comparison: Comparison, runs: Sequence[Changed]) -> int | None:
    """Which run's changes are shown: the one asked for, else the first whose are not the reference's."""
    for index, run in enumerate(runs):
        if run.column.run_id == comparison.question.patch and index != comparison.reference:
            return index
    return next((index for index, run in enumerate(runs) if not run.is_alike and not run.is_unread), None)


def _set_side_by_side(result: Patches, old: str, new: str) -> None:
    before, after = _by_file(old), _by_file(new)
    left = MOST_LINES
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path, []), after.get(path, [])
        if was == now:
            result.alike.append(path)
        elif left <= 0:
            result.left_out += max(len(was), len(now))
        else:
            beside = side_by_side.side_by_side(was, now, most_lines=left)
            left -= len(beside.pairs)
            result.left_out += beside.left_out
            result.files.append(FilePair(path=path, beside=beside))


def _by_file(text: str) -> dict[str, list[str]]:
    """The lines of a patch by the file that they change, as they stand there, without line numbers.

    The numbers of a hunk change with every line above it, which is no change of this one.
    """
    return {
        file.path: [
            (_MARKS.get(line.kind, "") + line.text) for hunk in file.hunks for line in _with_head(hunk)
        ]
        or file.changes
        for file in diff.parsed(text, MOST_PATCH_LINES).files
    }


_MARKS = {"added": "+", "removed": "-", "same": " "}


def _with_head(hunk: diff.Hunk) -> Sequence[diff.Line]:
    return [diff.Line("note", f"@@ {hunk.context}".rstrip()), *hunk.lines]
