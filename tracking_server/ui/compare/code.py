"""The code and the environment of runs beside one another: tags, and the files that `runner` stores.

Runs of a sweep share their files: each is read once. A store that is slow, or away, costs a page no more than
`PATIENCE_S`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from tracking_client.wire import names
from tracking_server.artifacts.threads import in_thread
from tracking_server.errors import ServerError
from tracking_server.services import Services
from tracking_server.store import comparing
from tracking_server.ui import artifact_head
from tracking_server.ui.compare import packages
from tracking_server.ui.compare.comparison import Comparison, made_section
from tracking_server.ui.compare.table import Cell, Line, Section, text_line
from tracking_server.ui.run.source import comparison_page_of, source_of, web_page_of

PATIENCE_S = 3.0
MOST_FILES = 60
"""So many different files of each kind are read for one page."""
MOST_BYTES = 1_000_000

_LOCK = "runner.environment.lock"
_ENVIRONMENT = "runner.environment"
_SOURCES = "runner.source.artifacts"
_SOURCE_DIGEST = "runner.source.digest"
_COMMAND = "runner.command"
_PATCH = "dirty.patch"
_SHORT = 12
"""So many characters of a commit or a fingerprint are shown."""
_ROWS = {
    names.GIT_COMMIT: "Commit",
    names.GIT_BRANCH: "Branch",
    names.GIT_REPO_URL: "Repository",
    names.GIT_DIRTY: "Uncommitted changes",
    names.SOURCE_NAME: "Source",
    names.PROJECT_ENTRY_POINT: "Entry point",
    _COMMAND: "Command",
}
_KEYS = (*_ROWS, _LOCK, _ENVIRONMENT, _SOURCES, _SOURCE_DIGEST, names.DOCKER_IMAGE_URI)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What the tags of the runs say of code and environment, a mapping a column; and where files lie."""

    tags: Sequence[Mapping[str, str]]
    places: Mapping[str, str]

    def patch_of(self, column: int) -> str | None:
        """Where the uncommitted changes of a run are: `runs:/…`."""
        folder = self.tags[column].get(_SOURCES)
        return f"{folder}/{_PATCH}" if folder else None

    def lock_of(self, column: int) -> str | None:
        """Where the list of a run's packages is."""
        return self.tags[column].get(_LOCK)


@dataclass(slots=True)
class Files:
    """Beginnings of files by `runs:/…`; None where one cannot be read. `problem`: why some are missing."""

    heads: dict[str, artifact_head.Head | None] = field(default_factory=dict)
    problem: str = ""


def origins(connection: Connection, comparison: Comparison) -> Origins:
    """What the store knows of the code and the environment of the runs."""
    ids = [column.row_id for column in comparison.columns]
    found = comparing.tag_values(connection, ids, _KEYS)
    tags: list[dict[str, str]] = [{} for _ in ids]
    positions = {run: position for position, run in enumerate(ids)}
    for (run, key), value in found.items():
        tags[positions[run]][key] = value
    owners: set[str] = set()
    for each in tags:
        for uri in (each.get(_LOCK), f"{each[_SOURCES]}/{_PATCH}" if _SOURCES in each else None):
            split = artifact_head.split_uri(uri) if uri else None
            if split is not None:
                owners.add(split[0])
    rows = comparing.rows_of(connection, sorted(owners))
    return Origins(tags=tags, places={row.uuid: row.artifact_uri for row in rows})


async def read_files(services: Services, known: Origins, uris: Sequence[str | None]) -> Files:
    """The files at these addresses, read side by side, as far as they come in time."""
    wanted = list(dict.fromkeys(uri for uri in uris if uri))
    files = Files()
    if len(wanted) > MOST_FILES:
        files.problem = f"Only the first {MOST_FILES} of {len(wanted)} are read: compare fewer runs."
    reading = {
        asyncio.ensure_future(in_thread(_read, services, known, uri)): uri for uri in wanted[:MOST_FILES]
    }
    if not reading:
        return files
    done, late = await asyncio.wait(reading, timeout=PATIENCE_S)
    for task in done:
        files.heads[reading[task]] = task.result()
    for task in late:
        task.cancel()
    if late:
        files.problem = f"{len(late)} of {len(reading)} did not come within {PATIENCE_S:.0f} s: load again."
    return files


def _read(services: Services, known: Origins, uri: str) -> artifact_head.Head | None:
    split = artifact_head.split_uri(uri)
    if split is None or split[0] not in known.places:
        return None
    try:
        place = services.places.of(known.places[split[0]])
    except ServerError:  # on a store that this server does not read
        return None
    return artifact_head.read_if_possible(place, split[1], MOST_BYTES)


def code_section(comparison: Comparison, known: Origins, limit: int | None = None) -> Section:
    """Commits and what was launched, a row each."""
    lines: list[Line] = []
    for key, title in _ROWS.items():
        values = [tags.get(key) for tags in known.tags]
        if any(value is not None for value in values):
            baseline = comparison.baseline
            line = text_line(title, values, baseline=baseline, urls=_urls(key, known))
            lines.append(replace(line, cells=[_worded(key, cell) for cell in line.cells]))
    return made_section(comparison, "code", lines, limit=limit)


def _worded(key: str, cell: Cell) -> Cell:
    """A cell with what it shows in place of the tag's value."""
    if cell.text is None:
        return cell
    match key:
        case names.GIT_COMMIT | "runner.environment":
            return replace(cell, text=cell.text[:_SHORT], whole=cell.text)
        case names.GIT_DIRTY:
            return replace(cell, text={"true": "yes", "false": "no"}.get(cell.text, cell.text))
        case _:
            return cell


def _urls(key: str, known: Origins) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for tags in known.tags:
        value = tags.get(key, "")
        if key == names.GIT_COMMIT:
            found[value] = source_of(tags).commit_link
        elif key == names.GIT_REPO_URL:
            found[value] = web_page_of(value)
    return {value: url for value, url in found.items() if url}


def between(comparison: Comparison, known: Origins) -> list[tuple[str, str]]:
    """For each commit that is not the reference's: a name of the two, and the page of what lies between."""
    old = known.tags[comparison.reference]
    repository, commit = old.get(names.GIT_REPO_URL, ""), old.get(names.GIT_COMMIT, "")
    found: dict[str, str] = {}
    for tags in known.tags:
        other = tags.get(names.GIT_COMMIT, "")
        if tags.get(names.GIT_REPO_URL, "") == repository:
            address = comparison_page_of(repository, commit, other)
            if address:
                found[f"{commit[:8]} … {other[:8]}"] = address
    return list(found.items())


def environment_section(
    comparison: Comparison, known: Origins, files: Files, limit: int | None = None
) -> Section:
    """The packages of the runs, a row each, and the fingerprint of the whole."""
    baseline = comparison.baseline
    lines: list[Line] = []
    for key, title in ((_ENVIRONMENT, "Fingerprint"), (names.DOCKER_IMAGE_URI, "Image")):
        values = [tags.get(key) for tags in known.tags]
        if any(values):
            line = text_line(title, values, baseline=baseline)
            lines.append(replace(line, cells=[_worded(key, cell) for cell in line.cells]))
    read: dict[str, Mapping[str, str]] = {
        uri: packages.of(head.text) for uri, head in files.heads.items() if head is not None
    }
    inside = [read.get(known.lock_of(column) or "", {}) for column in range(len(known.tags))]
    lines.extend(
        text_line(name, [each.get(name) for each in inside], baseline=baseline)
        for name in sorted({name for each in inside for name in each})
    )
    unread = sum(
        1 for column in range(len(inside)) if known.lock_of(column) and known.lock_of(column) not in read
    )
    note = files.problem or (f"The packages of {unread} of these runs cannot be read." if unread else "")
    return made_section(comparison, "environment", lines, limit=limit, note=note)
