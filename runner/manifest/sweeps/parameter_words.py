"""Other tools' ways to write a searched parameter -> ours, each with a note."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner.errors import suggestion
from runner.manifest.document import Field, Node
from runner.manifest.findings import Findings
from runner.manifest.sweeps.keys import SEARCHED
from runner.manifest.sweeps.quantities import number_of
from runner.manifest.sweeps.word_tables import ours_for, squashed

_KEYS = {
    "min": "low lower minimum start",
    "max": "high upper maximum end",
    "step": "q quantum",
    "values": "choices options categories list",
    "probabilities": "probs weights",
    "mu": "mean loc",
    "sigma": "std stddev sd deviation",
    "when": "condition conditions only_if",
}
_TYPES = {"int": "integer long", "float": "double real number"}
_NO_TYPES = ("categorical", "discrete", "choice", "range", "fixed", "string", "bool")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Distribution:
    """What a word stands for. `exponents`: its bounds are natural logarithms."""

    needs: tuple[str, ...]
    log: bool = False
    stepped: bool = False
    kind: str | None = None
    exponents: bool = False


_NUMBERS = ("min", "max")
_DISTRIBUTIONS: Mapping[str, _Distribution] = {
    "constant": _Distribution(needs=("value",)),
    "categorical": _Distribution(needs=("values",)),
    "choice": _Distribution(needs=("values",)),
    "categoricalwprobabilities": _Distribution(needs=("values", "probabilities")),
    "pchoice": _Distribution(needs=("values", "probabilities")),
    "uniform": _Distribution(needs=_NUMBERS, kind="float"),
    "intuniform": _Distribution(needs=_NUMBERS, kind="int"),
    "uniformint": _Distribution(needs=_NUMBERS, kind="int"),
    "quniform": _Distribution(needs=_NUMBERS, stepped=True),
    "loguniformvalues": _Distribution(needs=_NUMBERS, log=True, kind="float"),
    "reciprocal": _Distribution(needs=_NUMBERS, log=True, kind="float"),
    "qloguniformvalues": _Distribution(needs=_NUMBERS, log=True, stepped=True),
    "intloguniform": _Distribution(needs=_NUMBERS, log=True, kind="int"),
    "loguniform": _Distribution(needs=_NUMBERS, log=True, kind="float", exponents=True),
    "qloguniform": _Distribution(needs=_NUMBERS, log=True, stepped=True, exponents=True),
    "normal": _Distribution(needs=()),
    "gaussian": _Distribution(needs=()),
    "qnormal": _Distribution(needs=(), stepped=True),
    "lognormal": _Distribution(needs=(), log=True),
    "qlognormal": _Distribution(needs=(), log=True, stepped=True),
}
_AMBIGUOUS = ("loguniform", "qloguniform")
_HYDRA = re.compile(
    r"(?P<log>tag\(log,\s*)?(?P<cast>int\(|float\()?(?P<word>choice|interval|range)\((?P<inside>[^()]*)\)+"
)


def parameters_in_our_words(node: Node, findings: Findings, *, key: str) -> Node:
    """The map of parameters in our words. A list of maps with `name`, as Katib has it, becomes a map."""
    if node.kind == "list" and node.items and all(_name(item) is not None for item in node.items):
        findings.warning(
            "a list of parameters is read as a map of their names", line=node.line, key=key, formal=True
        )
        fields = {
            str(_name(item)): Field(
                item.line, replace(item, fields={k: v for k, v in item.fields.items() if k != "name"})
            )
            for item in node.items
        }
        node = replace(node, kind="map", items=(), fields=fields)
    if node.kind != "map":
        return node
    changed = {
        name: replace(entry, node=_Parameter(name, entry, findings, f"{key}.{name}").in_our_words())
        for name, entry in node.fields.items()
    }
    return replace(node, fields=changed)


def _name(item: Node) -> str | None:
    entry = item.fields.get("name")
    return None if entry is None or entry.node.kind != "scalar" or entry.node.is_null else entry.node.text


class _Parameter:
    def __init__(self, name: str, entry: Field, findings: Findings, key: str) -> None:
        self.name = name
        self.node = entry.node
        self.line = entry.line
        self.findings = findings
        self.key = key

    def in_our_words(self) -> Node:
        if self.node.kind == "map":
            return self._map()
        if self.node.string is not None:
            return self._hydra(self.node.string)
        return self.node

    def _note(self, message: str, line: int, *, formal: bool = True) -> None:
        self.findings.warning(message, line=line, key=self.key, formal=formal)

    def _error(self, message: str, hint: str, line: int, *, formal: bool = True) -> None:
        self.findings.error(message, line=line, key=self.key, hint=hint, formal=formal)

    def _map(self) -> Node:
        fields = dict(self.node.fields)
        is_katib = self._unpack_feasible_space(fields)
        for name in [name for name in fields if name not in SEARCHED.known]:
            ours = ours_for(_KEYS, name)
            if ours is not None and ours not in fields:
                self._note(f"`{name}` is read as {ours}", fields[name].line)
                fields[ours] = fields.pop(name)
        self._type(fields)
        if "distribution" in fields:
            self._distribution(fields, is_katib=is_katib)
        return replace(self.node, fields=fields)

    def _unpack_feasible_space(self, fields: dict[str, Field]) -> bool:
        name = next((name for name in fields if squashed(name) == "feasiblespace"), None)
        if name is None or fields[name].node.kind != "map":
            return False
        entry = fields.pop(name)
        self._note(f"the fields of `{name}` are read as the parameter's own", entry.line)
        fields.update({key: inner for key, inner in entry.node.fields.items() if key not in fields})
        return True

    def _type(self, fields: dict[str, Field]) -> None:
        for name in [name for name in fields if squashed(name) in ("parametertype", "type")]:
            entry = fields[name]
            word = entry.node.string or ""
            ours = ours_for(_TYPES | {"int": "int integer long", "float": "float double real number"}, word)
            if name == "type" and (word in _TYPES or (ours is None and squashed(word) not in _NO_TYPES)):
                continue
            what = f"is read as type: {ours}" if ours else "is left out: the values say it"
            self._note(f"`{name}: {word}` {what}", entry.line)
            del fields[name]
            if ours is not None and "values" not in fields and "value" not in fields:
                fields["type"] = Field(entry.line, replace(entry.node, scalar=ours, text=ours))

    def _distribution(self, fields: dict[str, Field], *, is_katib: bool) -> None:
        entry = fields.pop("distribution")
        word = entry.node.string or ""
        found = _DISTRIBUTIONS.get(squashed(word))
        if found is None:
            self._unknown(word, entry.line)
            return
        if squashed(word) in _AMBIGUOUS and "_" not in word:
            if not is_katib:
                self._error(
                    f"`{word}` has bounds that are logarithms in hyperopt and values in Ray",
                    "write {min: …, max: …, log: true} with the values themselves",
                    entry.line,
                )
                return
            found = replace(found, exponents=False)
        if found.exponents and not self._exponents(fields, word, entry.line):
            return
        self._apply(found, fields, entry.line)
        self._note(f"`distribution: {word}` is read as {self._shown(fields)}", entry.line)

    def _unknown(self, word: str, line: int) -> None:
        known = [
            "constant",
            "categorical",
            "uniform",
            "int_uniform",
            "q_uniform",
            "log_uniform_values",
            "normal",
            "log_normal",
        ]
        meant = suggestion(word, known)
        if squashed(word) in ("randint", "qrandint", "lograndint"):
            self._error(
                f"`{word}` leaves its upper bound out in some tools",
                "write {min: …, max: …, type: int}: max is a value, too",
                line,
            )
        else:
            self._error(
                f"the distribution {word!r} of {self.name!r} is not known here",
                f"did you mean {meant!r}?"
                if meant
                else "write {min: …, max: …}, {values: […]} or {mu: …, sigma: …}",
                line,
            )

    def _exponents(self, fields: dict[str, Field], word: str, line: int) -> bool:
        """Replaces logarithms by values."""
        for bound in ("min", "max"):
            if bound not in fields:
                continue
            exponent = number_of(fields[bound].node)
            if exponent is None:
                continue
            if exponent > 700:
                self._error(
                    f"exp({exponent:g}) of {self.name!r} is no number", "write the value, and log: true", line
                )
                return False
            value = math.exp(exponent)
            fields[bound] = replace(
                fields[bound], node=replace(fields[bound].node, scalar=value, text=f"{value:.6g}")
            )
        self._note(f"the bounds of `{word}` are logarithms; if they are values, write log: true", line)
        return True

    def _apply(self, found: _Distribution, fields: dict[str, Field], line: int) -> None:
        def put(key: str, value: object) -> None:
            fields.setdefault(
                key, Field(line, Node("scalar", line, line, scalar=value, text=str(value).lower()))
            )

        if found.log:
            put("log", True)
        if found.stepped:
            put("step", 1)
        if found.kind is not None:
            put("type", found.kind)
        if not found.needs:
            put("mu", 0)
            put("sigma", 1)
        for name in found.needs:
            if name not in fields:
                self._error(f"this distribution of {self.name!r} needs {name}", f"add {name}: …", line)

    def _shown(self, fields: Mapping[str, Field]) -> str:
        keys = [
            key for key in ("value", "values", "probabilities", *_NUMBERS, "mu", "sigma") if key in fields
        ]
        options = [f"{key}: {fields[key].node.text}" for key in ("type", "log", "step") if key in fields]
        return ", ".join(keys + options)

    def _hydra(self, text: str) -> Node:
        found = _HYDRA.fullmatch(text.strip())
        if found is None:
            return self.node
        if found["word"] == "range":
            self._error(
                f"`{text}` leaves its end out in some tools",
                "write {min: …, max: …, type: int}: max is a value, too",
                self.node.line,
                formal=False,
            )
        inside = [part.strip() for part in found["inside"].split(",")]
        self._note(f"`{text}` is read as Hydra's", self.node.line, formal=False)
        if found["word"] == "choice":
            items = tuple(self._plain(part) for part in inside)
            return replace(self.node, kind="list", scalar=None, text="", items=items)
        named = dict(part.partition("=")[::2] for part in inside if "=" in part)
        plain = [part for part in inside if "=" not in part]
        values = dict(zip(("start", "end", "step"), plain, strict=False)) | named
        ours = {"min": values.get("start", ""), "max": values.get("end", ""), "step": values.get("step", "")}
        fields = {key: Field(self.line, self._plain(value)) for key, value in ours.items() if value}
        if found["word"] == "range" or found["cast"] == "int(":
            fields["type"] = Field(self.line, self._plain("int"))
        if found["log"]:
            fields["log"] = Field(self.line, replace(self.node, scalar=True, text="true"))
        return replace(self.node, kind="map", scalar=None, text="", fields=fields)

    def _plain(self, text: str) -> Node:
        unquoted = text.strip("'\"")
        node = replace(self.node, scalar=unquoted, text=unquoted)
        number = number_of(node) if unquoted == text else None
        return node if number is None else replace(node, scalar=number)
