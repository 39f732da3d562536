"""Typed parameters of an entry point: what a value may be, and how it is checked.

A value is text, kept exactly as it was given. Checking never changes it: what is recorded and what the
program receives are what the user typed (a local path is made absolute for the program alone).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from runner.errors import InvalidParameter, MissingParameter, suggestion

ParameterKind = Literal["string", "float", "int", "bool", "path", "uri", "choice", "list"]
PARAMETER_KINDS: tuple[ParameterKind, ...] = (
    "string",
    "float",
    "int",
    "bool",
    "path",
    "uri",
    "choice",
    "list",
)
TRUE_WORDS = frozenset({"true", "yes", "on", "1", "t", "y"})
FALSE_WORDS = frozenset({"false", "no", "off", "0", "f", "n"})
LARGEST_VALUE_BYTES = 131_071  # Linux refuses to start a program with a longer argument (MAX_ARG_STRLEN)

_INTEGER = re.compile(r"[+-]?[0-9]+(_[0-9]+)*", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One declared parameter.

    `default` None means that there is none: a value is required unless `optional`.
    `minimum` and `maximum` are inclusive. `choices` are the texts that a value may have (numbers compare as
    numbers). `items` is the kind of the items of a `list`; without it a list is plain text, as in MLflow.
    `flag` is the option that stands for a true `bool`. `line` is its place in the project file.
    """

    name: str
    kind: ParameterKind = "string"
    default: str | None = None
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    items: ParameterKind | None = None
    flag: str | None = None
    description: str = ""
    line: int | None = field(default=None, compare=False)

    @property
    def required(self) -> bool:
        """Whether a run cannot start without a value for it."""
        return self.default is None and not self.optional

    def choose(self, given: Mapping[str, str]) -> str | None:
        """The given value, else the default, else None.

        Raises MissingParameter where it is required, and InvalidParameter as `check` does.
        """
        value = given.get(self.name, self.default)
        if value is None:
            if self.required:
                raise MissingParameter(
                    f"no value given for the required parameter {self.name!r}",
                    name=self.name,
                    hint=f"give it with -P {self.name}=VALUE",
                )
            return None
        return self.check(value)

    def check(self, value: str) -> str:
        """The value, unchanged, if it is one that this parameter may have.

        A value equal to the default is taken without looking at its type: authors write `None` as the
        default of an int, and their programs know what it means. Reads the file system for nothing.
        Raises InvalidParameter, which names the parameter, the value and what was expected.
        """
        if not isinstance(value, str):
            raise self._invalid(str(value), f"is a {type(value).__name__}, not text")
        self._check_transportable(value)
        if value == self.default:
            return value
        return self.check_type(value)

    def check_type(self, value: str) -> str:
        """As `check`, but the default is judged like any other value."""
        match self.kind:
            case "int" | "float":
                self._check_number(value)
            case "bool":
                if value.lower() not in TRUE_WORDS | FALSE_WORDS:
                    raise self._invalid(value, "is not a bool", "write true or false")
            case "list" if self.items is not None:
                for item in self.split(value):
                    self.item_parameter().check_type(item)
                return value
            case _:
                pass
        self._check_choice(value)
        return value

    def is_true(self, value: str) -> bool:
        """What a checked `bool` value says."""
        return value.lower() in TRUE_WORDS

    def split(self, value: str) -> tuple[str, ...]:
        """The items of a `list` value: a JSON array, or texts between commas (blanks around them removed).

        Raises InvalidParameter for text that opens with `[` and is not a JSON array of scalars.
        """
        if not value.strip():
            return ()
        if not value.lstrip().startswith("["):
            return tuple(item.strip() for item in value.split(","))
        try:
            items = json.loads(value, parse_float=str, parse_int=str)
        except ValueError:
            items = None
        if not isinstance(items, list) or any(isinstance(item, (list, dict)) for item in items):
            raise self._invalid(value, "is not a list", 'write a,b,c or a JSON array like ["a", "b, c"]')
        return tuple(item if isinstance(item, str) else json.dumps(item) for item in items)

    def item_parameter(self) -> Parameter:
        """What each item of a `list` must satisfy; errors still name the list."""
        return replace(self, kind=self.items or "string", items=None, default=None)

    def _check_transportable(self, value: str) -> None:
        if "\0" in value:
            raise self._invalid(value, "holds a NUL character, which no program argument can")
        try:
            size_bytes = len(value.encode())
        except UnicodeEncodeError:
            raise self._invalid(value, "is not valid Unicode text") from None
        if size_bytes > LARGEST_VALUE_BYTES:
            raise self._invalid(
                value[:40] + "…",
                f"has {size_bytes} bytes; an argument may have {LARGEST_VALUE_BYTES}",
                "write it to a file and pass the path",
            )

    def _check_number(self, value: str) -> None:
        number = _as_int(value) if self.kind == "int" else as_float(value)
        if number is None:
            raise self._invalid(value, f"is not {_article(self.kind)}", self._number_hint(value))
        has_range = self.minimum is not None or self.maximum is not None
        if has_range and isinstance(number, float) and math.isnan(number):
            raise self._invalid(value, f"is not {self._range()}")
        if self.minimum is not None and number < self.minimum:
            raise self._invalid(value, f"is not {self._range()}")
        if self.maximum is not None and number > self.maximum:
            raise self._invalid(value, f"is not {self._range()}")

    def _number_hint(self, value: str) -> str | None:
        number = as_float(value.strip())
        if number is None:
            return None
        if self.kind == "int" and number.is_integer():
            return f"write {int(number)}"
        if self.kind == "int":
            return "declare it as float if fractions are meant"
        return f"write {value.strip()}"

    def _range(self) -> str:
        if self.minimum is not None and self.maximum is not None:
            return f"between {self.minimum:.15g} and {self.maximum:.15g}"
        if self.minimum is not None:
            return f"{self.minimum:.15g} or more"
        return f"{self.maximum:.15g} or less"

    def _check_choice(self, value: str) -> None:
        if not self.choices or value in self.choices:
            return
        number = as_float(value) if self.kind in ("int", "float") else None
        if number is not None and number in [as_float(choice) for choice in self.choices]:
            return
        meant = suggestion(value, self.choices)
        raise self._invalid(
            value,
            f"is not one of: {', '.join(self.choices)}",
            f"did you mean {meant!r}?" if meant else None,
        )

    def _invalid(self, value: str, why: str, hint: str | None = None) -> InvalidParameter:
        return InvalidParameter(
            f"parameter {self.name!r}: {value!r} {why}",
            name=self.name,
            value=value,
            kind=self.kind,
            hint=hint,
        )

    def locate(self, value: str, *, base: Path, project: Path | None) -> str | None:
        """What the program receives for a `path` or `uri` value; None where it must be downloaded first.

        A local path is made absolute from `base`, the caller's working directory. A default that does not
        exist there is looked for in the project's own directory as well. A `path` that has a URI scheme is
        the one to be downloaded; a `uri` that has one reaches the program as it is.
        Raises InvalidParameter for a local path that does not exist.
        """
        is_file_uri = value.startswith("file:")
        if "://" in value and _SCHEME.match(value) and not (is_file_uri and self.kind == "path"):
            return value if self.kind == "uri" else None
        local = _file_uri_path(value) if is_file_uri and self.kind == "path" else value
        places = [base, project] if value == self.default and project is not None else [base]
        for place in places:
            candidate = place.absolute() / local
            if local and _exists(candidate):
                return str(candidate)
        if _SCHEME.match(value) and not is_file_uri:
            return value if self.kind == "uri" else None
        looked = " or ".join(str(place) for place in dict.fromkeys(places))
        raise self._invalid(
            value,
            f"does not exist (looked in {looked})",
            "relative paths start from the directory in which runner is called"
            + ("; a URI starts with a scheme, like s3://" if self.kind == "uri" else ""),
        )


def as_float(text: str) -> float | None:
    """The number that `float()` reads, without blanks around it and in ASCII; `nan` and `inf` are numbers."""
    if not text.isascii() or text != text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def list_text(items: tuple[str, ...]) -> str:
    """The text of a list value: its items between commas, or a JSON array where that would be misread."""
    plain = ",".join(items)
    probe = Parameter(name="", kind="list", items="string")
    try:
        unambiguous = probe.split(plain) == items
    except InvalidParameter:
        unambiguous = False
    return plain if unambiguous else json.dumps(list(items), ensure_ascii=False)


def _file_uri_path(uri: str) -> str:
    path = re.sub(r"^file:(//[^/]*)?", "", uri)
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), path.encode())
    return data.decode(errors="surrogateescape")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, a directory that may not be searched
        return False


def known_kind(word: str) -> ParameterKind | None:
    """The kind that a type word names (`str` is `string`), or None for a word that says nothing to us."""
    if word == "str":
        return "string"
    return next((kind for kind in PARAMETER_KINDS if kind == word), None)


def _as_int(text: str) -> int | None:
    try:
        return int(text) if _INTEGER.fullmatch(text) else None
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return None


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "int" else f"a {kind}"
