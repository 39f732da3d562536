"""When trials and the whole search end, what is done again, and what a trial needs."""

from __future__ import annotations

import math

from runner.errors import suggestion
from runner.manifest.document import Node
from runner.manifest.findings import describe
from runner.manifest.sweeps import keys
from runner.manifest.sweeps.fields import Fields
from runner.model.sweep import (
    AGGREGATES,
    STOP_RULES,
    EarlyStop,
    Repeats,
    Resources,
    Retries,
    StopRuleName,
    StopWhen,
)
from runner.model.trial import CAUSES, Cause

RETRIED: tuple[Cause, ...] = tuple(cause for cause in CAUSES if cause != "stopped")
RULE_WORDS = ("none", *STOP_RULES)
"""What `early_terminate` can be."""


def read_early_stop(sweep: Fields) -> EarlyStop | None:
    """`early_terminate`; None where nothing is stopped early."""
    node = sweep.get("early_terminate")
    if node is None:
        return None
    if node.kind == "scalar":
        word = sweep.word("early_terminate", RULE_WORDS, "none")
        return _early_stop(word, Fields(Node("map", node.line, node.line), None, sweep.findings, ""))
    fields = sweep.map("early_terminate", keys.EARLY_TERMINATE)
    if fields is None:
        return None
    if "type" not in fields:
        fields.error(
            "", "early_terminate has no type", f"add type: one of {', '.join(RULE_WORDS)}", formal=True
        )
    return _early_stop(fields.word("type", RULE_WORDS, "none"), fields)


def read_stop(sweep: Fields) -> StopWhen:
    """`stop`: what ends the whole search."""
    fields = sweep.map("stop", keys.STOP)
    if fields is None:
        return StopWhen()
    return StopWhen(
        target=fields.optional_number("target"),
        no_improvement_trials=fields.optional_whole("no_improvement", least=1),
        max_time_s=fields.seconds("max_time"),
        max_failed_trials=fields.optional_whole("max_failed_trials", least=1),
        max_failure_rate=fields.share("max_failure_rate", 0.0) if "max_failure_rate" in fields else None,
    )


def read_retries(sweep: Fields) -> Retries:
    """`retries`, a number or a map."""
    node = sweep.get("retries")
    if node is not None and node.kind == "scalar":
        return Retries(limit=sweep.whole("retries", 2, least=0))
    fields = sweep.map("retries", keys.RETRIES)
    if fields is None:
        return Retries()
    return Retries(limit=fields.whole("max", 2, least=0), on=_causes(fields))


def _causes(fields: Fields) -> frozenset[Cause]:
    node = fields.get("on")
    if node is None:
        return Retries().on
    causes: set[Cause] = set()
    for item in node.items if node.kind == "list" else (node,):
        if item.string == "any":
            causes.update(RETRIED)
            continue
        known = next((cause for cause in RETRIED if cause == item.string), None)
        if known is None:
            meant = suggestion(item.text, RETRIED)
            fields.error(
                "on",
                f"{describe(item)} is no cause of a failure",
                f"did you mean {meant!r}?" if meant else f"known: any, {', '.join(RETRIED)}",
                formal=True,
            )
            break
        causes.add(known)
    return frozenset(causes)


def read_repeats(sweep: Fields) -> Repeats:
    """`repeats`, a number or a map."""
    node = sweep.get("repeats")
    if node is not None and node.kind == "scalar":
        return Repeats(count=sweep.whole("repeats", 1, least=1))
    fields = sweep.map("repeats", keys.REPEATS)
    if fields is None:
        return Repeats()
    return Repeats(
        count=fields.whole("n", 1, least=1),
        aggregate=fields.word("aggregate", AGGREGATES, "mean"),
        top_k=fields.optional_whole("top_k", least=1),
    )


def read_resources(sweep: Fields) -> Resources:
    """`resources`: what one trial needs."""
    fields = sweep.map("resources", keys.RESOURCES)
    if fields is None:
        return Resources()
    return Resources(
        cpus=fields.whole("cpus", 0, least=0),
        gpus=fields.whole("gpus", 0, least=0),
        memory_bytes=fields.bytes("memory"),
    )


def _early_stop(word: str, fields: Fields) -> EarlyStop | None:
    rule: StopRuleName | None = next((rule for rule in STOP_RULES if rule == word), None)
    first, last = fields.whole("min_iter", 1, least=0), fields.optional_whole("max_iter", least=1)
    eta = fields.number("eta", 3.0, above=1.0)
    brackets = 1
    if rule == "hyperband" and last is not None:  # as many as fit
        brackets = 1 + max(0, math.floor(math.log(last / max(first, 1), eta) + 1e-9))
    read = EarlyStop(
        rule=rule or "median",
        metric=fields.text("metric") or None,
        min_step=first,
        max_step=last,
        eta=eta,
        brackets=fields.whole("brackets", brackets, least=1),
        min_trials=fields.whole("min_trials", 3, least=1),
        interval_steps=fields.whole("interval", 1, least=1),
        percentile=fields.share("percentile", 50.0, whole=100.0),
        patience=fields.whole("patience", 10, least=1),
        min_delta=fields.number("min_delta", 0.0),
        target=fields.optional_number("target"),
    )
    return None if rule is None else read
