"""A chosen file as what the viewer shows of it: the beginning is read, never more than the kind's limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from markupsafe import Markup

from tracking_server.errors import NotFound
from tracking_server.ui import artifact_head
from tracking_server.ui.artifacts import kinds, markdown, model, outline, reading, table
from tracking_server.ui.artifacts.held import Held
from tracking_server.ui.artifacts.kinds import Kind
from tracking_server.ui.artifacts.listing import Entry

TEXT_BYTES = 200_000
MOST_LINES = 10_000
LONGEST_LINE = 20_000
MARKDOWN_BYTES = 100_000
TABLE_BYTES = 4_000_000
JSON_BYTES = 4_000_000
YAML_BYTES = 500_000
IMAGE_BYTES = 30_000_000
HTML_BYTES = 50_000_000
_SHOWN_AS_THEY_ARE = frozenset({"image", "audio", "video", "pdf", "html"})
_SVG = "image/svg+xml"
_WITH_SOURCE = frozenset({"html", "markdown", "delimited", "json", "yaml", "mlmodel"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Text by lines; `encoding` where it is not UTF-8, `is_cut` where the file goes on."""

    lines: list[str]
    encoding: str
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownModel:
    """A model in `directory`, with its input example: a table, or any other value."""

    directory: str
    model: model.Model
    example_table: table.Table | None = None
    example: outline.Node | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with what is shown of it: one of the fields from `lines` on, or the file itself where `is_raw`.

    `why_not` says why it is not shown as its kind is. `has_source` where it can be shown as text, too.
    """

    entry: Entry
    kind: Kind
    is_raw: bool = False
    has_source: bool = False
    why_not: str = ""
    lines: Lines | None = None
    table: table.Table | None = None
    outline: outline.Node | None = None
    html: Markup | None = None
    model: ShownModel | None = None


def file(held: Held, entry: Entry, *, as_text: bool) -> File:
    """What is shown of a file; its text, where that is wanted. Raises ServerError, OSError."""
    kind = kinds.of(entry.name)
    as_text = as_text and _has_source(kind)
    size_bytes = entry.size_bytes or 0
    if kind.how == "binary":
        return File(entry=entry, kind=kind)
    if kind.how in _SHOWN_AS_THEY_ARE and not as_text:
        most_bytes = {"image": IMAGE_BYTES, "html": HTML_BYTES}.get(kind.how)
        if size_bytes == 0:
            return File(entry=entry, kind=kind, why_not="The file is empty.")
        if most_bytes is not None and size_bytes > most_bytes:
            return File(entry=entry, kind=kind, why_not="It is too large to be shown in a page.")
        return File(entry=entry, kind=kind, is_raw=True, has_source=_has_source(kind))
    if kind.how in _PARSED and not as_text:
        return _PARSED[kind.how](held, entry, kind)
    return _as_text(held, entry, kind)


def model_in(held: Held, directory: str) -> ShownModel | None:
    """The model that a directory holds; None where no `MLmodel` file reads. Raises ServerError."""
    path = f"{directory}/{model.MLMODEL}".lstrip("/")
    try:
        read = _text(held, path, model.MOST_BYTES)
        if read is None or read.is_cut:
            return None
        found = model.of(read.text)
    except (NotFound, outline.Unreadable):
        return None
    example = _example(held, directory, found.example_path)
    return ShownModel(
        directory=directory,
        model=found,
        example_table=example if isinstance(example, table.Table) else None,
        example=example if isinstance(example, outline.Node) else None,
    )


def _example(held: Held, directory: str, name: str) -> table.Table | outline.Node | None:
    if not name or "/" in name:
        return None
    try:
        read = _text(held, f"{directory}/{name}".lstrip("/"), TEXT_BYTES)
    except NotFound:
        return None
    return None if read is None or read.is_cut else model.example(read.text)


def _mlmodel(held: Held, entry: Entry, kind: Kind) -> File:
    found = model_in(held, entry.path.rpartition("/")[0])
    if found is None:
        return _as_text(held, entry, kind, "It does not describe a model.")
    return File(entry=entry, kind=kind, model=found, has_source=True)


def _markdown(held: Held, entry: Entry, kind: Kind) -> File:
    read = _text(held, entry.path, MARKDOWN_BYTES)
    if read is None:
        return _not_text(entry, kind)
    if read.is_cut:
        return _as_text(held, entry, kind, "It is too long to be formatted.")
    return File(entry=entry, kind=kind, html=markdown.html(read.text, held, entry.path), has_source=True)


def _delimited(held: Held, entry: Entry, kind: Kind) -> File:
    read = _text(held, entry.path, TABLE_BYTES)
    if read is None:
        return _not_text(entry, kind)
    delimiter = "\t" if entry.name.lower().endswith(".tsv") else None
    found = table.of_delimited(read.text, delimiter, is_cut=read.is_cut)
    if found is None:
        return _as_text(held, entry, kind, "" if not read.text.strip() else "It does not read as a table.")
    return File(entry=entry, kind=kind, table=found, has_source=True)


def _json(held: Held, entry: Entry, kind: Kind) -> File:
    return _value(held, entry, kind, JSON_BYTES, outline.of_json)


def _yaml(held: Held, entry: Entry, kind: Kind) -> File:
    return _value(held, entry, kind, YAML_BYTES, outline.of_yaml)


def _value(held: Held, entry: Entry, kind: Kind, most_bytes: int, parse: Callable[[str], object]) -> File:
    if (entry.size_bytes or 0) > most_bytes:
        return _as_text(held, entry, kind, "It is too long to be folded.")
    read = _text(held, entry.path, most_bytes)
    if read is None:
        return _not_text(entry, kind)
    try:
        value = parse(read.text)
    except outline.Unreadable as problem:
        return _as_text(held, entry, kind, str(problem) if read.text.strip() else "")
    if table.is_logged(value):
        return File(entry=entry, kind=kind, table=table.of_logged(value), has_source=True)
    return File(entry=entry, kind=kind, outline=outline.outline(value), has_source=True)


_PARSED: dict[str, Callable[[Held, Entry, Kind], File]] = {
    "mlmodel": _mlmodel,
    "markdown": _markdown,
    "delimited": _delimited,
    "json": _json,
    "yaml": _yaml,
}


def _as_text(held: Held, entry: Entry, kind: Kind, why_not: str = "") -> File:
    read = _text(held, entry.path, TEXT_BYTES)
    if read is None:
        return _not_text(entry, kind)
    lines = read.text.splitlines()
    shown = [
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in islice(lines, MOST_LINES)
    ]
    return File(
        entry=entry,
        kind=kind,
        why_not=why_not,
        has_source=_has_source(kind),
        lines=Lines(lines=shown, encoding=read.encoding, is_cut=read.is_cut or len(lines) > len(shown)),
    )


def _text(held: Held, path: str, most_bytes: int) -> reading.Text | None:
    return reading.text(artifact_head.read(held.place, path, most_bytes))


def _not_text(entry: Entry, kind: Kind) -> File:
    why_not = "" if kind.how == "unknown" else "Despite its name it does not hold text."
    return File(entry=entry, kind=kind, why_not=why_not)


def _has_source(kind: Kind) -> bool:
    """Whether a file that is shown as something else is text as well."""
    return kind.how in _WITH_SOURCE or kind.media_type == _SVG
