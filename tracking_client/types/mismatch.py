"""The error for data that is not what a signature says."""

from __future__ import annotations

from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.containers import is_array, is_frame, is_series, kind_of

_SHOWN = 80


class Mismatch(InvalidArgument):
    """`path` is `given` where the signature says `expected`; `advice` is what to do about it.

    The path begins with the name of the column, tensor or parameter: `messages[3].role`. All are texts.
    """

    def __init__(
        self, path: str, *, expected: str, given: str, advice: str = "", row: int | None = None
    ) -> None:
        where = "" if row is None else f", in row {row}"
        message = f"{path}: expected {expected}, got {given}{where}."
        super().__init__(f"{message} {advice}".rstrip())
        self.path = path
        self.expected = expected
        self.given = given
        self.advice = advice
        self.row = row

    def in_row(self, row: int) -> Mismatch:
        """The same, said of a row of the table (the first is 0)."""
        return Mismatch(self.path, expected=self.expected, given=self.given, advice=self.advice, row=row)


def shown(value: Any) -> str:
    """The kind of a value, and the value itself where it is short."""
    if value is None or is_array(value) or is_series(value) or is_frame(value):
        return kind_of(value)
    text = repr(value)
    return f"{kind_of(value)} ({text})" if len(text) <= _SHOWN else kind_of(value)


__all__ = ["Mismatch", "shown"]
