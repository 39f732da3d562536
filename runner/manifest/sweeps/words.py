"""Other tools' words for a sweep -> ours, each with a note."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from runner.manifest.document import Field, Node
from runner.manifest.findings import Findings
from runner.manifest.keys import Keys
from runner.manifest.sweeps import keys
from runner.manifest.sweeps.parameter_words import parameters_in_our_words
from runner.manifest.sweeps.quantities import number_of, whole_of
from runner.manifest.sweeps.word_tables import (
    CAUSE,
    EARLY,
    ENGINE_OPTIONS,
    GOAL,
    METHOD,
    METRIC,
    MODE,
    MOVES,
    ON_FAILURE,
    REPEATS,
    RESOURCES,
    RETRIES,
    RULE,
    SEED_MODE,
    STOP,
    SWEEP,
    Table,
    ours_for,
    squashed,
)


def key_in_our_words(key: str) -> str:
    """The dotted name of an option of a sweep, in our words."""
    first, _, rest = key.partition(".")
    if first in keys.SWEEP.known:
        return key
    for (section, name), theirs in MOVES.items():
        if not rest and squashed(first) in map(squashed, theirs.split()):
            return f"{section}.{name}"
    ours = ours_for(SWEEP, first)
    return key if ours is None else ".".join(filter(None, (ours, rest)))


def in_our_words(node: Node, findings: Findings, *, key: str) -> Node:
    """The map of a sweep without others' words; a note for each goes to the findings."""
    return _Translator(findings, key).sweep(node)


class _Translator:
    def __init__(self, findings: Findings, key: str) -> None:
        self.findings = findings
        self.key = key

    def note(self, message: str, line: int, key: str, *, formal: bool = True) -> None:
        self.findings.warning(message, line=line, key=f"{self.key}.{key}", formal=formal)

    def sweep(self, node: Node) -> Node:
        fields = self._renamed(dict(node.fields), keys.SWEEP, SWEEP, "")
        self._fail_on_trial_error(fields)
        self._move(fields)
        self._unpack_algorithm(fields)
        for name in ("metric", "metrics"):
            self._change(fields, name, partial(self._metrics, key=name))
        self._word(fields, "method", METHOD, "method")
        if "engine" in fields and fields["engine"].node.string == "auto":
            fields.pop("engine")  # the word for leaving it out
        self._word(fields, "on_failure", ON_FAILURE, "on_failure")
        self._change(fields, "engine_options", self._engine_options)
        self._change(fields, "early_terminate", self._early)
        self._renamed_in(fields, "stop", keys.STOP, STOP)
        self._renamed_in(fields, "repeats", keys.REPEATS, REPEATS)
        self._renamed_in(fields, "resources", keys.RESOURCES, RESOURCES)
        self._renamed_in(fields, "retries", keys.RETRIES, RETRIES)
        self._change(fields, "retries", self._causes)
        self._change(fields, "trial_seed", self._seed_mode)
        self._change(
            fields,
            "parameters",
            lambda node: parameters_in_our_words(node, self.findings, key=f"{self.key}.parameters"),
        )
        return replace(node, fields=fields)

    # Keys

    def _renamed(self, fields: dict[str, Field], known: Keys, table: Table, where: str) -> dict[str, Field]:
        for name in [name for name in fields if name not in known.known]:
            ours = ours_for(table, name)
            if ours is None:
                continue
            entry = fields[name]
            if ours in fields:
                self._both(ours, name, entry, where)
            else:
                # The options of engines have no formal names.
                formal = where != "engine_options."
                self.note(f"`{name}` is read as {ours}", entry.line, where + name, formal=formal)
                fields[ours] = entry
            del fields[name]
        return fields

    def _both(self, ours: str, theirs: str, entry: Field, where: str) -> None:
        self.findings.error(
            f"{theirs} means {ours}, and both are there",
            line=entry.line,
            key=f"{self.key}.{where}{theirs}",
            hint=f"keep {ours}",
            formal=where != "engine_options.",
        )

    def _renamed_in(self, fields: dict[str, Field], name: str, known: Keys, table: Table) -> None:
        self._change(fields, name, lambda node: self._renamed_map(node, known, table, f"{name}."))

    def _renamed_map(self, node: Node, known: Keys, table: Table, where: str) -> Node:
        if node.kind != "map":
            return node
        return replace(node, fields=self._renamed(dict(node.fields), known, table, where))

    def _change(self, fields: dict[str, Field], name: str, change: Callable[[Node], Node]) -> None:
        if name in fields:
            fields[name] = replace(fields[name], node=change(fields[name].node))

    def _move(self, fields: dict[str, Field]) -> None:
        for (section, ours), theirs in MOVES.items():
            words = [squashed(word) for word in theirs.split()]
            for name in [name for name in fields if name not in keys.SWEEP.known and squashed(name) in words]:
                entry = fields.pop(name)
                self.note(f"`{name}` is read as {section}.{ours}", entry.line, name)
                inner = self._section(fields, section, entry)
                if ours in inner:
                    self._both(f"{section}.{ours}", name, entry, "")
                inner.setdefault(ours, entry)
                node = Node("map", fields[section].line, entry.line, fields=inner)
                fields[section] = Field(fields[section].line, node)

    def _section(self, fields: dict[str, Field], section: str, entry: Field) -> dict[str, Field]:
        """The fields of a section that others' words go to; a text there is its first field."""
        there = fields.setdefault(section, Field(entry.line, Node("map", entry.line, entry.line)))
        if there.node.kind == "map":
            return dict(there.node.fields)
        return {"name" if section == "metric" else "type": there} if there.node.kind == "scalar" else {}

    # Sections

    def _fail_on_trial_error(self, fields: dict[str, Field]) -> None:
        for name in [name for name in fields if squashed(name) == "failontrialerror"]:
            entry = fields.pop(name)
            if entry.node.scalar is True and "on_failure" not in fields:
                fields["on_failure"] = Field(entry.line, replace(entry.node, scalar="abort", text="abort"))
            self.note(f"`{name}` is read as on_failure: abort", entry.line, name)

    def _unpack_algorithm(self, fields: dict[str, Field]) -> None:
        """Katib: a map with the name and the settings of the method."""
        entry = fields.get("method")
        if entry is None or entry.node.kind != "map":
            return
        inner = {squashed(name): inside for name, inside in entry.node.fields.items()}
        name = inner.get("algorithmname") or inner.get("name")
        if name is None:
            return
        self.note("a map with algorithmName is read as method", entry.line, "method")
        fields["method"] = name
        if "algorithmsettings" in inner:
            fields.setdefault("engine_options", inner["algorithmsettings"])

    def _metrics(self, node: Node, key: str) -> Node:
        if node.kind == "list":
            return replace(node, items=tuple(self._metric(item, key) for item in node.items))
        return self._metric(node, key)

    def _metric(self, node: Node, key: str) -> Node:
        if node.kind != "map":
            return node
        fields = dict(node.fields)
        kind = fields.get("type")
        if kind is not None and ours_for(GOAL | {"": "minimize maximize"}, kind.node.text) is not None:
            # Katib: `type` is our goal, `goal` our target.
            self.note("Katib's `type` and `goal` are read as goal and target", kind.line, f"{key}.type")
            del fields["type"]
            if "goal" in fields and "target" not in fields:
                fields["target"] = fields.pop("goal")
            fields["goal"] = kind
        fields = self._renamed(fields, keys.METRIC, METRIC, f"{key}.")
        self._word(fields, "goal", GOAL, f"{key}.goal")
        self._word(fields, "mode", MODE, f"{key}.mode")
        return replace(node, fields=fields)

    def _settings(self, node: Node, key: str) -> Node:
        """Katib: a list of maps with name and value."""
        pairs = [
            item.fields for item in node.items if item.kind == "map" and {"name", "value"} <= set(item.fields)
        ]
        if node.kind != "list" or not pairs or len(pairs) != len(node.items):
            return node
        self.note("a list of names and values is read as a map", node.line, key)
        fields = {
            pair["name"].node.text: Field(pair["name"].line, _number_read(pair["value"].node))
            for pair in pairs
        }
        return replace(node, kind="map", items=(), fields=fields)

    def _engine_options(self, node: Node) -> Node:
        node = self._settings(node, "engine_options")
        known = Keys("engine_options", tuple(ENGINE_OPTIONS))
        return self._renamed_map(node, known, ENGINE_OPTIONS, "engine_options.")

    def _early(self, node: Node) -> Node:
        if node.kind == "scalar":
            return self._value(node, RULE, "early_terminate")
        if node.kind != "map":
            return node
        fields = self._renamed(dict(node.fields), keys.EARLY_TERMINATE, EARLY, "early_terminate.")
        settings = next((name for name in fields if squashed(name) == "algorithmsettings"), None)
        if settings is not None:
            inner = self._settings(fields.pop(settings).node, "early_terminate.algorithmSettings")
            inner = self._renamed_map(inner, keys.EARLY_TERMINATE, EARLY, "early_terminate.")
            fields = {**inner.fields, **fields}
        self._word(fields, "type", RULE, "early_terminate.type")
        self._wandb_s(fields)
        return replace(node, fields=fields)

    def _wandb_s(self, fields: dict[str, Field]) -> None:
        """W&B: with `max_iter`, the first of `s` judgements is at max_iter / eta**s."""
        entry = fields.pop("s", None)
        if entry is None:
            return
        rungs = whole_of(entry.node)
        last = number_of(fields["max_iter"].node) if "max_iter" in fields else None
        eta = number_of(fields["eta"].node) if "eta" in fields else 3
        if (
            rungs is None
            or last is None
            or eta is None
            or "min_iter" in fields
            or not 0 < rungs < 64
            or eta <= 1
        ):
            self.note("`s` says nothing here and is left out", entry.line, "early_terminate.s")
            return
        first = max(1, math.floor(last / eta**rungs))
        self.note(f"`s: {rungs}` is read as min_iter: {first}", entry.line, "early_terminate.s")
        fields["min_iter"] = Field(entry.line, replace(entry.node, scalar=first, text=str(first)))

    def _causes(self, node: Node) -> Node:
        if node.kind != "map" or "on" not in node.fields:
            return node
        on = node.fields["on"]
        if on.node.kind == "list":
            changed = replace(
                on.node, items=tuple(self._value(item, CAUSE, "retries.on") for item in on.node.items)
            )
        else:
            changed = self._value(on.node, CAUSE, "retries.on")
        return replace(node, fields={**node.fields, "on": replace(on, node=changed)})

    def _seed_mode(self, node: Node) -> Node:
        if node.kind != "map":
            return node
        fields = dict(node.fields)
        self._word(fields, "mode", SEED_MODE, "trial_seed.mode")
        return replace(node, fields=fields)

    # Values

    def _word(self, fields: dict[str, Field], name: str, table: Table, key: str) -> None:
        self._change(fields, name, lambda node: self._value(node, table, key))

    def _value(self, node: Node, table: Table, key: str) -> Node:
        word = node.string
        if word is None or word in table:
            return node
        ours = ours_for(table | {ours: f"{ours} {theirs}" for ours, theirs in table.items()}, word)
        if ours is None:
            return node
        self.note(f"`{word}` is read as {ours}", node.line, key)
        return replace(node, scalar=ours, text=ours)


def _number_read(node: Node) -> Node:
    """Katib writes numbers in quotes."""
    number = number_of(node)
    return node if number is None else replace(node, scalar=number)
