"""Regular expressions that filter names, in time that grows with the name and the pattern alone.

Python's own may take years for a pattern of ten characters, and the whole server would wait. Here a pattern
is a function from the places where it may begin to those where it may end: nothing is tried twice. Case does
not matter; there are no references to groups and no assertions but `^` and `$`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tracking_server.errors import InvalidParameter

MOST_CHARACTERS = 500

Places = frozenset[int]
_Node = Callable[[str, Places], Places]
_Test = Callable[[str], bool]
_MOST_REPEATS = 1000
_MOST_DEEP = 50
_MOST_SECONDS = 1.0

_CLASSES: dict[str, _Test] = {
    "d": str.isdigit,
    "D": lambda character: not character.isdigit(),
    "w": lambda character: character.isalnum() or character == "_",
    "W": lambda character: not (character.isalnum() or character == "_"),
    "s": str.isspace,
    "S": lambda character: not character.isspace(),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}


def finder(pattern: str) -> Callable[[str], bool]:
    """Whether a pattern occurs in a name. Raises InvalidParameter, which says where it is wrong.

    So does what it returns, where all names together take it longer than a page can wait.
    """
    if len(pattern) > MOST_CHARACTERS:
        raise InvalidParameter(f"A pattern may have {MOST_CHARACTERS} characters, not {len(pattern)}.")
    node = _Parser(pattern).whole()
    spent_s = 0.0

    def is_found(name: str) -> bool:
        nonlocal spent_s
        began_s = time.perf_counter()
        found = bool(node(name, frozenset(range(len(name) + 1))))
        spent_s += time.perf_counter() - began_s
        if spent_s > _MOST_SECONDS:
            raise InvalidParameter("This pattern takes too long for so many names: use a simpler one.")
        return found

    return is_found


@dataclass(slots=True)
class _Parser:
    pattern: str
    at: int = 0
    depth: int = field(default=0)

    def whole(self) -> _Node:
        node = self.alternatives()
        if self.at < len(self.pattern):
            raise self.wrong("this bracket was not opened")
        return node

    def alternatives(self) -> _Node:
        self.depth += 1
        if self.depth > _MOST_DEEP:
            raise self.wrong("brackets are nested too deeply")
        choices = [self.sequence()]
        while self.next_is("|"):
            self.at += 1
            choices.append(self.sequence())
        self.depth -= 1
        if len(choices) == 1:
            return choices[0]
        return lambda text, starts: frozenset().union(*(choice(text, starts) for choice in choices))

    def sequence(self) -> _Node:
        parts: list[_Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.repeated(self.atom()))

        def match(text: str, places: Places) -> Places:
            for part in parts:
                if not places:
                    break
                places = part(text, places)
            return places

        return match

    def repeated(self, node: _Node) -> _Node:
        while (bounds := self.quantifier()) is not None:
            if self.next_is("?"):  # a lazy one finds the same names
                self.at += 1
            node = _repeat(node, *bounds)
        return node

    def quantifier(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        mark = self.pattern[self.at : self.at + 1]
        if mark in simple:
            self.at += 1
            return simple[mark]
        end = self.pattern.find("}", self.at)
        if mark != "{" or end < 0:
            return None
        low, comma, high = self.pattern[self.at + 1 : end].partition(",")
        if not (low.isdecimal() and (high.isdecimal() or not high)):
            return None
        bounds = int(low), (int(high) if high else None) if comma else int(low)
        if bounds[0] > _MOST_REPEATS or (bounds[1] or 0) > _MOST_REPEATS:
            raise self.wrong(f"at most {_MOST_REPEATS} repetitions")
        if bounds[1] is not None and bounds[1] < bounds[0]:
            raise self.wrong("the greater number comes last")
        self.at = end + 1
        return bounds

    def atom(self) -> _Node:
        character = self.take()
        if character == "(":
            return self.group()
        if character == "[":
            return _one(self.set())
        if character == ".":
            return _one(lambda _: True)
        if character == "^":
            return lambda _, starts: starts & {0}
        if character == "$":
            return lambda text, starts: starts & {len(text)}
        if character in "*+?":
            self.at -= 1
            raise self.wrong("there is nothing to repeat")
        return _one(self.escaped() if character == "\\" else _same(character))

    def group(self) -> _Node:
        if self.next_is("?"):
            self.at += 1
            if self.take() != ":":
                raise self.wrong("only plain groups are known: (…) and (?:…)")
        node = self.alternatives()
        if self.take() != ")":
            raise self.wrong("expected ')'")
        return node

    def escaped(self) -> _Test:
        character = self.take()
        if character in _CLASSES:
            return _CLASSES[character]
        if character.isalnum() and character not in _CONTROLS:
            raise self.wrong(f"\\{character} is not known here")
        return _same(_CONTROLS.get(character, character))

    def set(self) -> _Test:
        is_negated = self.next_is("^")
        self.at += is_negated
        tests: list[_Test] = []
        while not self.next_is("]") or not tests:
            character = self.take()
            if character == "\\":
                tests.append(self.escaped())
            elif self.next_is("-") and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                tests.append(self.span(character, self.take()))
            else:
                tests.append(_same(character))
        self.at += 1
        return lambda character: any(test(character) for test in tests) != is_negated

    def span(self, low: str, high: str) -> _Test:
        if high < low:
            raise self.wrong(f"{low}-{high} is the wrong way round")
        return lambda character: any(low <= each <= high for each in _cases(character))

    def next_is(self, character: str) -> bool:
        return self.pattern.startswith(character, self.at)

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise self.wrong("it ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def wrong(self, reason: str) -> InvalidParameter:
        return InvalidParameter(f"This pattern is wrong at character {self.at + 1}: {reason}.")


def _cases(character: str) -> tuple[str, str, str]:
    return character, character.lower(), character.upper()


def _same(wanted: str) -> _Test:
    folded = wanted.lower()
    return lambda character: character.lower() == folded


def _one(test: _Test) -> _Node:
    return lambda text, starts: frozenset(
        start + 1 for start in starts if start < len(text) and test(text[start])
    )


def _repeat(node: _Node, least: int, most: int | None) -> _Node:
    def match(text: str, starts: Places) -> Places:
        places = starts
        for _ in range(least):
            following = node(text, places)
            if following == places:
                break
            places = following
        found = places
        for _ in range(least, _MOST_REPEATS if most is None else most):
            places = node(text, places) - found
            if not places:
                break
            found |= places
        return found

    return match
