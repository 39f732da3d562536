"""Where our autologging deliberately logs something else than MLflow's: what, and why.

A difference names a case of a session and a place in what is compared. What both sides have there is held, so
that it hides nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.tracking_client.integrations.logged_runs import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """In `case`, at `place` (run, kind, name), MLflow has `theirs` and we have `ours`; None: nothing."""

    session: str
    case: str
    place: Place
    theirs: Any
    ours: Any
    why: str


DIFFERENCES: tuple[Difference, ...] = ()
