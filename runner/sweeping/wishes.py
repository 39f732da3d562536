"""Hears what people want of a running sweep from its page: the tag WISH_TAG of its run.

A wish is one of `stop` (running trials finish), `stop now` (they are ended) and `extend N` (to N parameter
sets in all). Whoever conducts the sweep answers it by a sentence in ANSWER_TAG, and takes the wish away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from runner.sweeping.ledger import Ledger
from runner.sweeping.names import ANSWER_TAG, WISH_TAG
from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError
from tracking_client.wire.entities import RunTag

_CALL_S = 10.0
_INTERVAL_S = 2.0
_LONGEST_PAUSE_S = 15.0
_MOST_TRIALS = 10_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants this; `text` is as they said it."""

    text: str
    stops: bool = False
    stops_running: bool = False
    extend_to: int | None = None


def parsed(text: str) -> Wish:
    """What a wish says; one that nobody can grant wants nothing."""
    verb, _, rest = text.strip().partition(" ")
    if verb == "stop" and rest in ("", "now"):
        return Wish(text, stops=True, stops_running=rest == "now")
    if verb == "extend" and rest.isascii() and rest.isdigit() and 0 < int(rest) <= _MOST_TRIALS:
        return Wish(text, extend_to=int(rest))
    return Wish(text)


def refused(wish: Wish, ledger: Ledger, *, is_ending: bool) -> str:
    """Why a wish is not granted, as a sentence; "" where it is. One that ends can only be ended sooner."""
    if wish.stops:
        return ""
    if wish.extend_to is None:
        return f"“{wish.text}” is no wish that a sweep grants"
    if is_ending:
        return f"“{wish.text}” came when the sweep was ending: `runner sweep extend` goes on with it"
    if ledger.max_points is None or wish.extend_to <= ledger.max_points:
        most = "all trials that there are" if ledger.max_points is None else f"{ledger.max_points} trials"
        return f"“{wish.text}” is no extension: the sweep has {most} already"
    return ""


def answered(sentence: str) -> dict[str, str]:
    """The tags that answer a wish. They may be set twice."""
    return {WISH_TAG: "", ANSWER_TAG: sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """Where wishes are heard: at the run `run_id`. `heard` is called from another thread, once for each.

    `is_resumed`: what was wanted before is no wish of today's, and is taken away unheard.
    """

    client: TrackingClient
    experiment_id: str
    run_id: str
    heard: Callable[[Wish], None]
    is_resumed: bool = False
    interval_s: float = _INTERVAL_S


class Wishes:
    """The thread that looks for wishes. It waits for a server that is away, and ends with `close`."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._client = ear.client.apart(_CALL_S)
        self._closing = threading.Event()
        self._last = ""
        self._is_first = ear.is_resumed
        self._thread = threading.Thread(target=self._run, name="runner-wishes", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def close(self) -> None:
        """Looks no more; returns when the thread has ended, or is at its last call."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=_CALL_S + 1)

    def _run(self) -> None:
        pause_s = 0.0 if self._is_first else self._ear.interval_s
        while not self._closing.wait(pause_s):
            try:
                self.look()
                pause_s = self._ear.interval_s
            except TrackingError:
                # The trials wait for the server, and say so.
                pause_s = min(max(2 * pause_s, self._ear.interval_s), _LONGEST_PAUSE_S)

    def look(self) -> None:
        """Looks once. Raises TrackingError."""
        ear = self._ear
        wanted = f"attributes.run_id = '{ear.run_id}' and tags.`{WISH_TAG}` != ''"
        found = list(self._client.find_runs([ear.experiment_id], wanted))
        text = found[0].data.tags.get(WISH_TAG, "") if found else ""
        if text and self._is_first:
            sentence = f"“{text}” was wanted before the sweep went on: say it again"
            tags = [RunTag(key=key, value=value) for key, value in answered(sentence).items()]
            self._client.log_batch(ear.run_id, tags=tags)
        elif text and text != self._last:
            ear.heard(parsed(text))
        self._is_first = False
        self._last = text
