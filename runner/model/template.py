"""A command with placeholders: parsed once, filled in often.

Without shell syntax it becomes argv. With it, the values travel as positional arguments of `bash -c`, and
the script only refers to them: no value is ever part of shell text.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from runner.model.command import Command
from runner.model.placeholders import TemplateError, mark
from runner.model.shell import read
from runner.model.words import Quoting, Reading, Slot, Word

# A script that does any of this sees or changes its positional arguments: the values move to variables.
_USES_POSITIONALS = re.compile(
    r"\$[0-9@*#]|\$\{[!#]?[0-9@*#]|\(\s*\)|\b(function|set|shift|source|eval|trap)\b|(^|\s)\.\s"
)
_COMPOUND_ENDS = frozenset({"done", "fi", "esac", "}", "]]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What stands for a placeholder: `texts` None makes its word disappear.

    `spreads` gives a list's items words of their own where the placeholder stands alone.
    `takes_option` says that the option word before it disappears with it.
    """

    texts: tuple[str, ...] | None
    spreads: bool = False
    takes_option: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A parsed command. `warnings` are sentences for the author of the project."""

    reading: Reading
    warnings: tuple[str, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every place of a value, in order."""
        return tuple(part for part in self.reading.parts if isinstance(part, Slot))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the placeholders, in order of their first place."""
        return tuple(dict.fromkeys(slot.name for slot in self.slots))

    @property
    def needs_shell(self) -> bool:
        """Whether bash executes it."""
        return self.reading.shell_reason is not None

    def fill(self, fills: Mapping[str, Fill], extra: Sequence[tuple[str, str]] = ()) -> Command:
        """The command with values; `extra` options with their values are appended at its end.

        Raises TemplateError where nothing is left to execute, or where nothing can be appended.
        """
        dropped = self._dropped(fills)
        appended = [text for option in extra for text in option]
        if not self.needs_shell:
            argv = (*self._argv(fills, dropped), *appended)
            if not argv:
                raise TemplateError("nothing is left to execute")
            return Command(argv=argv, needs_shell=False, display=_one_line(shlex.join(argv)))
        self._check_appendable(extra)
        script = _Script(self.reading, fills, dropped)
        script.append(extra)
        return Command(
            argv=("bash", "-c", script.text(), "bash", *script.values),
            needs_shell=True,
            display=_one_line("".join(script.shown)),
        )

    def _word(self, slot: Slot) -> Word | None:
        return None if slot.word is None else self.reading.words[slot.word]

    def _dropped(self, fills: Mapping[str, Fill]) -> frozenset[int]:
        dropped: set[int] = set()
        for slot in self.slots:
            word = self._word(slot)
            if word is None or slot.word is None or not _is_absent(fills[slot.name], word):
                continue
            dropped.add(slot.word)
            before = word.previous
            if (
                fills[slot.name].takes_option
                and before is not None
                and not word.starts_with_dash
                and self.reading.words[before].is_option
            ):
                dropped.add(before)
        return frozenset(dropped)

    def _argv(self, fills: Mapping[str, Fill], dropped: frozenset[int]) -> list[str]:
        argv: list[str] = []
        for index in self.reading.top:
            word = self.reading.words[index]
            if index in dropped:
                continue
            if _spreads(word, fills):
                assert isinstance(word.pieces[0], Slot)
                argv.extend(fills[word.pieces[0].name].texts or ())
            else:
                argv.append("".join(_piece_text(piece, fills) for piece in word.pieces))
        return argv

    def _check_appendable(self, extra: Sequence[tuple[str, str]]) -> None:
        if not extra:
            return
        last = self.reading.words[self.reading.top[-1]].text if self.reading.top else None
        if self.reading.tail != "word" or last in _COMPOUND_ENDS:
            raise TemplateError(
                "the command does not end in a word, so nothing can be appended to it",
                hint="declare the parameter and place it in the command",
            )


@lru_cache(maxsize=256)
def parse(command: str, declared: frozenset[str]) -> Template:
    """The command as a template; thread-safe. Raises TemplateError where it cannot be understood."""
    marked = mark(command, declared)
    reading = read(marked.symbols)
    if not reading.words:
        raise TemplateError("the command is empty")
    return Template(reading=reading, warnings=(*marked.warnings, *_reading_warnings(reading)))


class _Script:
    """Shell text in the making, with the values that it refers to."""

    def __init__(self, reading: Reading, fills: Mapping[str, Fill], dropped: frozenset[int]) -> None:
        self.reading = reading
        self.fills = fills
        self.values: list[str] = []
        self.shown: list[str] = []
        self.places: dict[str, int] = {}
        self.pieces: list[str | tuple[int, Quoting]] = []
        skipped = [(reading.words[index].start, reading.words[index].end) for index in dropped]
        for index, part in enumerate(reading.parts):
            if not any(start <= index < end for start, end in skipped):
                self._add(part)

    def text(self) -> str:
        """The script: values stand in it as `${1}`, or as variables where positionals are not safe."""
        literal = "".join(piece for piece in self.pieces if isinstance(piece, str))
        if not self.values or not _USES_POSITIONALS.search(literal):
            return "".join(p if isinstance(p, str) else _quoted(f"${{{p[0]}}}", p[1]) for p in self.pieces)
        taken = " ".join(f"runner_value_{n}=${{{n}}}" for n in range(1, len(self.values) + 1))
        body = "".join(
            p if isinstance(p, str) else _quoted(f"${{runner_value_{p[0]}}}", p[1]) for p in self.pieces
        )
        return f"{taken}; shift {len(self.values)}; {body}"

    def append(self, extra: Sequence[tuple[str, str]]) -> None:
        """Adds options with their values as last words."""
        for text in (text for option in extra for text in option):
            self._literal(" ")
            self._value(text, "none")

    def _add(self, part: str | Slot) -> None:
        if isinstance(part, str):
            self._literal(part)
            return
        fill = self.fills[part.name]
        word = None if part.word is None else self.reading.words[part.word]
        if word is not None and part.quoting == "none" and _spreads(word, self.fills):
            for number, text in enumerate(fill.texts or ()):
                if number:
                    self._literal(" ")
                self._value(text, part.quoting)
            return
        self._value(",".join(fill.texts or ()), part.quoting, name=part.name)

    def _literal(self, text: str) -> None:
        self.pieces.append(text)
        self.shown.append(text)

    def _value(self, text: str, quoting: Quoting, *, name: str | None = None) -> None:
        place = None if name is None else self.places.get(name)
        if place is None:
            self.values.append(text)
            place = len(self.values)
            if name is not None:
                self.places[name] = place
        self.pieces.append((place, quoting))
        self.shown.append(_shown(text, quoting))


def _is_absent(fill: Fill, word: Word) -> bool:
    if fill.texts is None:
        return True
    return fill.spreads and not fill.texts and word.is_one_slot


def _spreads(word: Word, fills: Mapping[str, Fill]) -> bool:
    if not word.is_one_slot:
        return False
    slot = word.pieces[0]
    return isinstance(slot, Slot) and slot.quoting == "none" and fills[slot.name].spreads


def _piece_text(piece: str | Slot, fills: Mapping[str, Fill]) -> str:
    return piece if isinstance(piece, str) else ",".join(fills[piece.name].texts or ())


def _quoted(reference: str, quoting: Quoting) -> str:
    match quoting:
        case "none":
            return f'"{reference}"'
        case "single":
            return f"'\"{reference}\"'"
        case "ansi":
            return f"'\"{reference}\"$'"
        case _:
            return reference


def _shown(text: str, quoting: Quoting) -> str:
    match quoting:
        case "none":
            return shlex.quote(text)
        case "single" | "ansi":
            return text.replace("'", "'\\''")
        case _:
            return re.sub(r'([$`"\\])', r"\\\1", text)


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _reading_warnings(reading: Reading) -> list[str]:
    warnings = []
    for word in reading.words:
        before = None if word.previous is None else reading.words[word.previous]
        if before is None or not any(isinstance(piece, Slot) for piece in word.pieces):
            continue
        program = _program_of(reading, word)
        if (before.text == "-c" and program in ("sh", "bash", "zsh", "dash", "python", "python3")) or (
            program in ("eval", "trap") and before.text == program
        ):
            shown = "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in word.pieces)
            warnings.append(
                f"{program} reads {shown!r} as a program, the value included: a value can run anything"
            )
    return warnings


def _program_of(reading: Reading, word: Word) -> str | None:
    while word.previous is not None:
        word = reading.words[word.previous]
    return word.text
