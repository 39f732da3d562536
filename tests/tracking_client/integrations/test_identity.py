"""Notes on objects by who they are, for as long as they are."""

from __future__ import annotations

import numpy as np

from tracking_client.integrations.callers import name_of
from tracking_client.integrations.identity import ByIdentity


def test_equal_things_are_told_apart_and_forgotten_with_the_thing() -> None:
    notes: ByIdentity[str] = ByIdentity()
    one, other = np.ones(3), np.ones(3)
    notes[one] = "one"

    assert notes.get(one) == "one"
    assert notes.get(other) is None
    del one
    assert len(notes) == 0


def test_what_lives_for_ever_has_no_note() -> None:
    notes: ByIdentity[str] = ByIdentity()
    notes[1] = "a number"
    notes[[1]] = "a list"

    assert notes.get(1) is None


def test_a_thing_is_called_what_the_outermost_caller_calls_it() -> None:
    mine = np.ones(3)

    def inner(theirs: object) -> str | None:
        return name_of(theirs)

    assert inner(mine) == "mine"
    assert inner(np.ones(3)) == "theirs"
    assert name_of(np.ones(3)) is None
    assert name_of(None) is None
