"""What a program wrote to a terminal, as lines of text in styles: what one would have seen there.

Understood are colours and other styles (SGR), carriage return, backspace, and what moves within or erases a
line. All other control characters and sequences leave no trace. Formats: ECMA-48, xterm's control sequences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

COLOURS = ("red", "green", "yellow", "blue", "magenta", "cyan", "grey")
EFFECTS = ("bold", "dim", "italic", "underline", "inverse", "struck")
MOST_COLUMNS = 4_000
"""A sequence moves no further right than this; text may be longer."""
MOST_SKIPPED = 500_000
"""So many columns in all are skipped: a few bytes of each line would make a page of megabytes."""

Piece = tuple[str, str]
"""Text and the classes of its style, "" for plain text."""

# A sequence that is cut off, or too long to be meant, counts as its first two characters.
_PIECES = re.compile(
    r"(?P<csi>\x1b\[(?P<parameters>[0-?]{0,100})[ -/]{0,10}(?P<final>[@-~]))"
    r"|(?P<unseen>\x1b[\]PX^_][^\x07\x1b\n]{0,4000}(?:\x07|\x1b\\)|\x1b[ -/]{0,10}[0-~])"
    r"|(?P<newline>\n)|(?P<control>[\x00-\x08\x0b-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)"
)
_BASIC = (None, "red", "green", "yellow", "blue", "magenta", "cyan", None)
_CUBE = (0, 95, 135, 175, 215, 255)
_SET = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "struck"}
_UNSET = {22: {"bold", "dim"}, 23: {"italic"}, 24: {"underline"}, 27: {"inverse"}, 29: {"struck"}}


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks: names of `COLOURS` or None for the page's own, and some of `EFFECTS`."""

    colour: str | None = None
    ground: str | None = None
    effects: frozenset[str] = frozenset()

    @property
    def classes(self) -> str:
        """The style as classes of HTML; `of_classes` understands them."""
        colours = [f"fg-{self.colour}"] if self.colour else []
        grounds = [f"bg-{self.ground}"] if self.ground else []
        return " ".join([*colours, *grounds, *sorted(self.effects)])


PLAIN = Style()


def of_classes(classes: str) -> Style:
    """The style that `Style.classes` wrote; words that it never writes mean nothing."""
    style = PLAIN
    for word in classes.split():
        kind, _, name = word.partition("-")
        if kind == "fg" and name in COLOURS:
            style = replace(style, colour=name)
        elif kind == "bg" and name in COLOURS:
            style = replace(style, ground=name)
        elif word in EFFECTS:
            style = replace(style, effects=style.effects | {word})
    return style


@dataclass(frozen=True, slots=True)
class Screen:
    """Lines from the top, the last one still open, and the style that was in force where that one began."""

    lines: list[list[Piece]]
    open_style: Style


def shown(text: str, style: Style = PLAIN) -> Screen:
    """What is to be seen of `text`, which begins a line, in `style`, and after which more may follow."""
    line = _Line(style)
    lines: list[list[Piece]] = []
    open_style = style
    for match in _PIECES.finditer(text):
        if match["text"] is not None:
            line.write(match["text"])
        elif match["newline"] is not None:
            lines.append(line.pieces())
            open_style = line.style
            line = _Line(open_style, left_to_skip=line.left_to_skip)
        elif match["csi"] is not None:
            line.obey(match["parameters"], match["final"])
        elif match["control"] == "\r":
            line.column = 0
        elif match["control"] == "\b":
            line.column = max(0, line.column - 1)
    return Screen(lines=[*lines, line.pieces()], open_style=open_style)


@dataclass(slots=True)
class _Line:
    """A line that is being written: a character and its classes in each column."""

    style: Style
    cells: list[Piece] = field(default_factory=list)
    column: int = 0
    left_to_skip: int = MOST_SKIPPED

    def write(self, text: str) -> None:
        skipped = min(self.column - len(self.cells), self.left_to_skip)
        if skipped > 0:
            self.cells.extend([(" ", "")] * skipped)
            self.left_to_skip -= skipped
        self.column = min(self.column, len(self.cells))
        end = self.column + len(text)
        classes = self.style.classes
        self.cells[self.column : end] = [(character, classes) for character in text]
        self.column = end

    def obey(self, parameters: str, final: str) -> None:
        if final == "m":
            self.style = _styled(self.style, parameters)
            return
        amount = _number(parameters)
        if final == "C":
            self._move_to(self.column + max(1, amount))
        elif final == "D":
            self._move_to(self.column - max(1, amount))
        elif final == "G":
            self._move_to(max(1, amount) - 1)
        elif final == "K":
            self._erase(amount)

    def pieces(self) -> list[Piece]:
        return [
            ("".join(character for character, _ in cells), classes)
            for classes, cells in groupby(self.cells, lambda cell: cell[1])
        ]

    def _move_to(self, column: int) -> None:
        self.column = min(max(0, column), max(MOST_COLUMNS, len(self.cells)))

    def _erase(self, what: int) -> None:
        if what == 1:
            last = min(self.column + 1, len(self.cells))
            self.cells[:last] = [(" ", "")] * last
        else:
            del self.cells[0 if what == 2 else self.column :]


def _number(parameters: str) -> int:
    first = parameters.partition(";")[0]
    return int(first[:9]) if first.isdecimal() and first.isascii() else 0


def _styled(style: Style, parameters: str) -> Style:
    codes = iter([_number(part) for part in re.split("[;:]", parameters)])
    for code in codes:
        if code == 0:
            style = PLAIN
        elif code in _SET:
            style = replace(style, effects=style.effects | {_SET[code]})
        elif code in _UNSET:
            style = replace(style, effects=style.effects - _UNSET[code])
        elif code in (38, 48):
            colour = _chosen(codes)
            style = replace(style, colour=colour) if code == 38 else replace(style, ground=colour)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = replace(style, colour=_basic(code % 10, bright=code >= 90))
        elif 40 <= code <= 47 or 100 <= code <= 107:
            style = replace(style, ground=_basic(code % 10, bright=code >= 100))
        elif code == 39:
            style = replace(style, colour=None)
        elif code == 49:
            style = replace(style, ground=None)
    return style


def _basic(number: int, *, bright: bool) -> str | None:
    # Black and white change places with the theme: the page's own colour is readable in both.
    return "grey" if (number, bright) in ((0, True), (7, False)) else _BASIC[number]


def _chosen(codes: Iterator[int]) -> str | None:
    """The colour of `38;5;NUMBER` or `38;2;RED;GREEN;BLUE`, without the 38."""
    kind = next(codes, 0)
    if kind == 5:
        number = next(codes, 0)
        if number < 16:
            return _basic(number % 8, bright=number >= 8)
        if number >= 232:
            return _nearest(*[(number - 232) * 10 + 8] * 3)
        cube = number - 16
        return _nearest(_CUBE[cube // 36 % 6], _CUBE[cube // 6 % 6], _CUBE[cube % 6])
    if kind == 2:
        return _nearest(next(codes, 0), next(codes, 0), next(codes, 0))
    return None


def _nearest(red: int, green: int, blue: int) -> str | None:
    """The colour of the page that comes closest; None for what is nearly black or white."""
    most, least = max(red, green, blue), min(red, green, blue)
    if most - least < 48:
        return "grey" if 64 <= most <= 208 else None
    middle = least + (most - least) / 2
    strong = (red > middle, green > middle, blue > middle)
    names = {
        (True, False, False): "red",
        (False, True, False): "green",
        (True, True, False): "yellow",
        (False, False, True): "blue",
        (True, False, True): "magenta",
        (False, True, True): "cyan",
    }
    return names.get(strong)
