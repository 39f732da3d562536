"""The beginning of a file as text, whatever its encoding; or that it is no text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from tracking_server.ui.artifact_head import Head

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27})
_MOST_CONTROLS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of a file's beginning. `encoding` is said where it is not UTF-8."""

    text: str
    encoding: str
    is_cut: bool


def text(found: Head) -> Text | None:
    """The text of a file; None where it is none.

    It is UTF-8, or what a mark at its beginning says, or else Windows-1252, which knows every byte.
    Zero bytes, and more than a few control characters, make a file binary.
    """
    for mark, encoding in _MARKS:
        if found.data.startswith(mark):
            return _decoded(found, len(mark), encoding)
    if b"\0" in found.data:
        return None
    as_utf_8 = _decoded(found, 0, "utf-8")
    if as_utf_8 is not None:
        return as_utf_8 if _reads(found.data) else None
    if not _reads(found.data):
        return None
    read = found.data.decode("cp1252", "replace")
    return Text(text=read, encoding="Windows-1252", is_cut=found.is_cut)


def _decoded(found: Head, start: int, encoding: str) -> Text | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        # Where the file was cut, the last character may be half one.
        read = decoder.decode(found.data[start:], final=not found.is_cut)
    except UnicodeDecodeError:
        return None
    return Text(
        text=read,
        encoding="" if encoding == "utf-8" else encoding.rpartition("-")[0].upper(),
        is_cut=found.is_cut,
    )


def _reads(data: bytes) -> bool:
    return len(data) - len(data.translate(None, _CONTROLS)) <= _MOST_CONTROLS * len(data)
