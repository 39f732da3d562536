"""Sending what a journal holds, a window at a time, and noting how far a server has it.

A window that was sent but not noted, because the process died in between, is sent again, which changes
nothing. What a server will never take is found by halving the call that holds it; `refused.jsonl` keeps it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby

from tracking_client.errors import ApiError, NotFound, ServerFault
from tracking_client.journal.calls import Call, calls_of
from tracking_client.journal.entries import FILES, INPUTS, OF_MODELS, OUTPUTS, UNTAG, Entry, read
from tracking_client.journal.file_sending import FileSender, first_files
from tracking_client.journal.refusal import FAULT, Refusal, is_lasting
from tracking_client.journal.spool import Position, Spool
from tracking_client.transport import Transport
from tracking_client.wire.entities import Run, RunStatus

WINDOW_BYTES = 1 << 20

_JSON = {"Content-Type": "application/json"}
_DOUBTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What became of one window: values that were shipped, lines that were torn, values that were refused."""

    shipped: int = 0
    torn: int = 0
    refused: tuple[Refusal, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to ship."""
        return not (self.shipped or self.torn or self.refused)


def ship_window(
    spool: Spool,
    transport: Transport,
    sender: FileSender,
    *,
    is_stuck: bool = False,
    is_repeated: bool = False,
) -> Window:
    """Ships what comes next in the journal, files by `sender`; an empty window where there is nothing.

    Where it `is_stuck`, having failed many times, a value for which a server that takes others always fails
    counts as refused. `is_repeated` says that some of it may have been sent before. Raises TransportError
    and ApiError for what may succeed later (nothing is noted then),
    and OSError for the journal itself.
    """
    text, end = spool.read(WINDOW_BYTES)
    if not text:
        return Window()
    chosen = first_files(text)
    end = Position(end.segment, end.offset - len(text) + len(chosen))
    torn = 0
    entries: list[Entry] = []
    for entry in read(chosen):
        if entry is None:
            torn += 1
        else:
            entries.append(entry)
    refused: list[Refusal] = []
    refused_files: list[Refusal] = []
    for is_of_files, together in groupby(entries, lambda entry: entry.kind in FILES):
        if is_of_files:
            refused_files += sender.send(spool, list(together), is_stuck=is_stuck)
            continue
        for call in calls_of(together):
            _send_or_refuse(call, transport, refused, is_stuck=is_stuck, is_repeated=is_repeated)
    values = sum(entry.count for entry in entries)
    if is_stuck and len(refused) == values and not all(is_lasting(refusal.error) for refusal in refused):
        raise refused[0].error
    # What failed before the server took others may have met the end of an outage.
    refused = [each for each in refused if is_lasting(each.error) or _fails_again(each.entry, transport)]
    for refusal in (*refused, *refused_files):
        spool.refuse(refusal.to_json())
    for refusal in refused_files:
        spool.refuse_file(_kept_name(refusal.entry))
    spool.shipped(end)
    spool.sent(_kept_name(entry) for entry in entries if entry.kind in FILES)
    refused += refused_files
    return Window(shipped=values - len(refused), torn=torn, refused=tuple(refused))


def send(call: Call, transport: Transport) -> None:
    """Sends one call. Raises ApiError and TransportError."""
    if call.ends_run and _is_over(call, transport):
        return
    with transport.send(call.method, call.path, headers=_JSON, make_body=lambda: call.body):
        pass


def _send_or_refuse(
    call: Call, transport: Transport, refused: list[Refusal], *, is_stuck: bool, is_repeated: bool
) -> None:
    """Sends a call, or what of it a server takes; the rest goes into `refused`."""
    try:
        send(call, transport)
        return
    except ApiError as error:
        kind = call.entries[0].kind
        if kind == OUTPUTS and _knows_outputs(call, transport):
            return
        is_api_there = error.code != "ENDPOINT_NOT_FOUND" or kind in (INPUTS, OUTPUTS)  # old ones have none
        if not ((is_lasting(error) and is_api_there) or (is_stuck and error.status == FAULT)):
            raise
        if isinstance(error, NotFound) and kind == UNTAG and (is_repeated or error.maybe_repeated):
            return
        halves = call.halves()
        if not halves or isinstance(error, NotFound):
            singles = (single for entry in call.entries for single in entry.singles())
            refused.extend(Refusal(entry=single, error=error) for single in singles)
            return
    for half in halves:
        _send_or_refuse(half, transport, refused, is_stuck=is_stuck, is_repeated=is_repeated)


def _fails_again(entry: Entry, transport: Transport) -> bool:
    for call in calls_of([entry]):
        for _ in range(_DOUBTS):
            try:
                send(call, transport)
            except ServerFault as error:
                if error.status != FAULT:
                    raise
            else:
                return False
    return True


def _knows_outputs(call: Call, transport: Transport) -> bool:
    """Whether the server has these already: MLflow's fails where it is told of an output twice."""
    query = {"run_id": call.run_id, "run_uuid": call.run_id}
    try:
        run = Run.from_wire(transport.call("GET", "/api/2.0/mlflow/runs/get", query=query)["run"])
    except NotFound:
        return False
    told = {item["model_id"] for item in json.loads(call.entries[0].payload)["models"]}
    return told <= {output.model_id for output in run.outputs.model_outputs}


def _is_over(call: Call, transport: Transport) -> bool:
    """Whether a run that is to be FINISHED was meanwhile called FAILED or KILLED by whoever performed it."""
    if json.loads(call.entries[0].payload).get("status") != RunStatus.FINISHED:
        return False
    query = {"run_id": call.run_id, "run_uuid": call.run_id}
    reply = transport.call("GET", "/api/2.0/mlflow/runs/get", query=query)
    return reply.get("run", {}).get("info", {}).get("status") in (RunStatus.FAILED, RunStatus.KILLED)


def unshipped(spool: Spool) -> int:
    """How many values are still to be shipped. Counts lines, of which there may be millions."""
    position, values = spool.position, 0
    while True:
        text, position = spool.read(WINDOW_BYTES, position)
        if not text:
            return values
        values += text.count(b"}\n")


def owners_in(spool: Spool) -> set[tuple[bool, str]]:
    """The ids that what is still to be shipped is about, each with whether it is a logged model's."""
    position = spool.position
    found: set[tuple[bool, str]] = set()
    while True:
        text, position = spool.read(WINDOW_BYTES, position)
        if not text:
            return found
        found.update((entry.kind in OF_MODELS, entry.run_id) for entry in read(text) if entry is not None)


def _kept_name(entry: Entry) -> str:
    return str(json.loads(entry.payload).get("kept"))


__all__ = ["Window", "owners_in", "send", "ship_window", "unshipped"]
