"""The attempts that are under way, and the slots that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.sweeping.entries import token_of
from runner.sweeping.slots import Slot


@dataclass(slots=True)
class Flight:
    """An attempt that the worker performs.

    `memory_kills` was the kernel's count at launch. `stopped_early` is the sentence of the rule that stops
    it. One that has `landed` is over; its result is being found out.
    """

    trial: int
    attempt: int
    slot: Slot
    memory_kills: int | None = None
    run_id: str = ""
    stopped_early: str = ""
    landed: bool = False

    @property
    def token(self) -> str:
        """By which the worker knows it."""
        return token_of(self.trial, self.attempt)


class Flights:
    """One attempt to a slot; more may have been adopted. Used by one thread.

    `frees_early`: an attempt that has landed holds its slot no more, though its result is not known yet.
    """

    def __init__(self, slots: Sequence[Slot], *, frees_early: bool = False) -> None:
        self._slots = {slot.number: slot for slot in slots}
        self._frees_early = frees_early
        self._flights: dict[str, Flight] = {}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight]:
        """Those under way now; it does no harm to end some meanwhile."""
        return iter(list(self._flights.values()))

    def get(self, token: str) -> Flight | None:
        """The attempt of that name, if it is under way."""
        return self._flights.get(token)

    @property
    def trials(self) -> frozenset[int]:
        """The numbers of their trials."""
        return frozenset(flight.trial for flight in self._flights.values())

    def free_slot(self) -> Slot | None:
        """The first slot that nobody holds; None where as many are held as there are slots."""
        holders = [f for f in self._flights.values() if not (f.landed and self._frees_early)]
        if len(holders) >= len(self._slots):
            return None
        held = {flight.slot.number for flight in holders}
        return next((slot for number, slot in self._slots.items() if number not in held), None)

    def slot(self, number: int) -> Slot:
        """The slot of that number. An earlier process may have had more of them."""
        return self._slots.get(number, Slot(number=number))

    def begin(self, flight: Flight) -> None:
        """Adds an attempt, with its slot."""
        self._flights[flight.token] = flight

    def end(self, flight: Flight) -> None:
        """It is over, and its slot free."""
        del self._flights[flight.token]
