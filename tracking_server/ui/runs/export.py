"""What a table of runs shows, as CSV or JSON: the same runs, order and columns, to the end of the list."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tracking_server.services import Services
from tracking_server.store import experiments
from tracking_server.store.clock import now_ms
from tracking_server.ui import csv_cells, wording
from tracking_server.ui.frame import file_headers
from tracking_server.ui.runs import reading
from tracking_server.ui.runs.columns import Column
from tracking_server.ui.runs.run_table import Line
from tracking_server.ui.runs.view import View, read

MOST_RUNS = 100_000
_AT_ONCE = 500

Encode = Callable[[AsyncIterator["Part"]], AsyncIterator[str]]


class Part:
    """Some lines of the table, and the columns of all of them."""

    def __init__(self, columns: list[Column], lines: list[Line]) -> None:
        self.columns = columns
        self.lines = lines


async def as_csv(services: Services, request: Request) -> Response:
    """The table as CSV: times in UTC, durations in seconds."""
    return await _streamed(services, request, _csv, csv_cells.MEDIA_TYPE, "runs.csv")


async def as_json(services: Services, request: Request) -> Response:
    """The table as a JSON list of runs."""
    return await _streamed(services, request, _json, "application/json", "runs.json")


async def _streamed(
    services: Services, request: Request, encode: Encode, media_type: str, filename: str
) -> Response:
    experiment_id = str(request.path_params["experiment_id"])
    found = await services.database.read(lambda connection: experiments.get(connection, experiment_id))
    view = replace(read(request.query_params), page_token="")
    parts = _parts(services, int(found.experiment_id), view)
    first = await anext(parts)  # what is wrong with the filter is said before the reply begins

    async def all_parts() -> AsyncIterator[Part]:
        yield first
        async for part in parts:
            yield part

    return StreamingResponse(encode(all_parts()), media_type=media_type, headers=file_headers(filename))


async def _parts(services: Services, experiment: int, view: View) -> AsyncIterator[Part]:
    present_ms, count, token = now_ms(), 0, ""
    while count < MOST_RUNS:
        asked = replace(view, page_token=token)

        def look(connection: Connection, asked: View = asked) -> reading.Reading:
            return reading.read(connection, experiment, asked, present_ms, most=_AT_ONCE)

        found = await services.database.read(look)
        table = found.table
        yield Part(list(table.columns), [*(() if token else table.pinned), *table.lines])
        # Those of the first lines are the table's; a browser shows no others further down.
        view = replace(view, columns=tuple(table.columns))
        count += len(table.lines)
        if not found.next_page_token:
            return
        token = found.next_page_token


async def _csv(parts: AsyncIterator[Part]) -> AsyncIterator[str]:
    is_first = True
    async for part in parts:
        text = ""
        if is_first:
            titles = [column.title for column in part.columns]
            text = csv_cells.row(["Run", "Id", "Status", "Started", "Duration (s)", *titles])
            is_first = False
        for line in part.lines:
            run = line.run
            took_s = None if run.end_time is None else (run.end_time - run.start_time) / 1000
            cells = [_value(column, text) for column, text in _cells(part, line)]
            text += csv_cells.row(
                [run.run_name, run.run_id, run.status, wording.exact(run.start_time), took_s, *cells]
            )
        yield text


async def _json(parts: AsyncIterator[Part]) -> AsyncIterator[str]:
    separator = "[\n"
    async for part in parts:
        for line in part.lines:
            yield separator + json.dumps(_record(part, line), ensure_ascii=False)
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _record(part: Part, line: Line) -> dict[str, Any]:
    run = line.run
    record: dict[str, Any] = {
        "run_name": run.run_name,
        "run_id": run.run_id,
        "status": run.status,
        "start_time": wording.exact(run.start_time),
        "end_time": None if run.end_time is None else wording.exact(run.end_time),
    }
    for column, text in _cells(part, line):
        record[column.name] = _value(column, text)
    return record


def _cells(part: Part, line: Line) -> list[tuple[Column, str]]:
    return [(column, cell.whole) for column, cell in zip(part.columns, line.cells, strict=True)]


def _value(column: Column, text: str) -> str | float | None:
    """What stands in a cell: of a metric a number, where JSON has such; None where it is empty."""
    if text == "":
        return None
    if not column.is_numeric or text == "NaN":
        return text
    try:
        return float(text)
    except ValueError:
        return text
