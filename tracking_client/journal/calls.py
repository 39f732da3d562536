"""From entries to the fewest calls of the API that say the same, within its limits.

The order of one run's entries is kept; those of different runs need none between them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tracking_client.journal.entries import (
    BATCHED,
    END,
    INPUTS,
    METRIC,
    MODEL_STATUS,
    OUTPUTS,
    PARAM,
    TAG,
    UNTAG,
    UPDATE,
    Entry,
)
from tracking_client.wire import limits

MAX_BODY_BYTES = 1_000_000
"""A batch is sent before its body is longer: proxies in front of servers often take no more."""

_API = "/api/2.0/mlflow/runs"
_MODELS = "/api/2.0/mlflow/logged-models"
_PATHS = {
    UNTAG: f"{_API}/delete-tag",
    UPDATE: f"{_API}/update",
    END: f"{_API}/update",
    INPUTS: f"{_API}/log-inputs",
    OUTPUTS: f"{_API}/outputs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that tells a server `entries`, all of one run or logged model.

    Sent twice it has the effect of once.
    """

    path: str
    body: bytes
    run_id: str
    entries: Sequence[Entry]
    method: str = "POST"

    @property
    def ends_run(self) -> bool:
        """Whether it says how the run ended."""
        return self.entries[0].kind == END

    def halves(self) -> list[Call]:
        """The same in two calls; nothing where it is about one entry."""
        entries = self.entries if len(self.entries) > 1 else self.entries[0].singles()
        half = len(entries) // 2
        if not half:
            return []
        return [call for part in (entries[:half], entries[half:]) for call in calls_of(part)]


def calls_of(entries: Iterable[Entry]) -> Iterator[Call]:
    """The calls for entries in order, none of which is a file's."""
    by_run: dict[str, list[Entry]] = {}
    for entry in entries:
        by_run.setdefault(entry.run_id, []).append(entry)
    for run_id, of_run in by_run.items():
        yield from _calls_of_run(run_id, of_run)


def _calls_of_run(run_id: str, entries: Sequence[Entry]) -> Iterator[Call]:
    batch = _Batch(run_id)
    for entry in entries:
        if entry.kind in BATCHED:
            if not batch.has_room_for(entry) or batch.contradicts(entry):
                yield batch.call()
                batch = _Batch(run_id)
            batch.add(entry)
            continue
        if batch.entries:
            yield batch.call()
            batch = _Batch(run_id)
        yield _single(entry)
    if batch.entries:
        yield batch.call()


def _single(entry: Entry) -> Call:
    if entry.kind == MODEL_STATUS:
        return Call(
            path=f"{_MODELS}/{entry.run_id}",
            body=entry.payload,
            run_id=entry.run_id,
            entries=(entry,),
            method="PATCH",
        )
    # Older servers know a run by the old name of the field only.
    about = f'{{"run_id":"{entry.run_id}","run_uuid":"{entry.run_id}"'.encode()
    rest = b"}" if entry.payload == b"{}" else b"," + entry.payload[1:]
    return Call(path=_PATHS[entry.kind], body=about + rest, run_id=entry.run_id, entries=(entry,))


@dataclass(slots=True)
class _Batch:
    """A log-batch request that grows."""

    run_id: str
    entries: list[Entry] = field(default_factory=list)
    metrics: list[bytes] = field(default_factory=list)
    params: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)
    size_bytes: int = 0
    count: int = 0

    def has_room_for(self, entry: Entry) -> bool:
        if not self.entries:
            return True
        return (
            self.count + entry.count <= limits.MAX_ENTITIES_PER_BATCH
            and self.size_bytes + len(entry.payload) <= MAX_BODY_BYTES
            and len(self.params) + (entry.kind == PARAM) <= limits.MAX_PARAMS_PER_BATCH
            and len(self.tags) + (entry.kind == TAG) <= limits.MAX_TAGS_PER_BATCH
        )

    def contradicts(self, entry: Entry) -> bool:
        """Whether it gives a parameter another value, which is for the server to refuse."""
        if entry.kind != PARAM:
            return False
        return self.params.get(_key_of(entry), entry.payload) != entry.payload

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.count += entry.count
        self.size_bytes += len(entry.payload) + 1
        if entry.kind == METRIC:
            self.metrics.append(entry.payload)
        else:
            # A server may refuse a name that is there twice, and must hear the last word only.
            of_kind = self.params if entry.kind == PARAM else self.tags
            of_kind[_key_of(entry)] = entry.payload

    def call(self) -> Call:
        parts = [f'"run_id":"{self.run_id}"'.encode()]
        for name, items in (
            (b"metrics", self.metrics),
            (b"params", self.params.values()),
            (b"tags", self.tags.values()),
        ):
            if items:
                parts.append(b'"%b":[%b]' % (name, b",".join(items)))
        body = b"{" + b",".join(parts) + b"}"
        return Call(path=f"{_API}/log-batch", body=body, run_id=self.run_id, entries=self.entries)


def _key_of(entry: Entry) -> str:
    return str(json.loads(entry.payload).get("key"))


__all__ = ["MAX_BODY_BYTES", "Call", "calls_of"]
