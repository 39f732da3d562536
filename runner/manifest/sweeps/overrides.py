"""`--sweep NAME=VALUE` and `-P NAME=VALUE`: other options of a sweep, parameters that it does not search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from runner.errors import ManifestError, RequestError, suggestion
from runner.manifest.document import parse_document
from runner.manifest.sweeps.keys import SWEEP
from runner.manifest.sweeps.reader import EntryPoints
from runner.manifest.sweeps.record import Plain, describe, node_of, sweep_from
from runner.manifest.sweeps.values import is_text_of
from runner.manifest.sweeps.words import key_in_our_words
from runner.model.sweep import Sweep


def overridden(
    sweep: Sweep,
    options: Mapping[str, str],
    *,
    parameters: Mapping[str, str] | None = None,
    entry_points: EntryPoints | None,
) -> Sweep:
    """The sweep with other options, by dotted names (`metric.goal`), and values as YAML writes them.

    `parameters` are fixed to these texts: they leave the space, and initial points with other values are
    dropped. The result is checked like one that stands in the file. Raises RequestError, which names the
    option, and changes nothing.
    """
    fixed = parameters or {}
    plain = describe(sweep)
    for name, text in options.items():
        _set(plain, name, _value(name, text))
    _fix(plain, fixed)
    try:
        changed = sweep_from(sweep.name, plain, entry_points=entry_points, path=None)
    except ManifestError as error:
        raise RequestError(f"{_culprit(error, options, fixed)}: {error}", hint=error.hint) from None
    return _placed(changed, sweep)


def _placed(changed: Sweep, sweep: Sweep) -> Sweep:
    return replace(changed, path=sweep.path, line=sweep.line)


def _value(name: str, text: str) -> object:
    try:
        node = parse_document(text, Path("VALUE"))
    except ManifestError as error:
        message = str(error).partition(": ")[2]
        raise RequestError(f"--sweep {name}={text}: {message}", hint=error.hint) from None
    if node.is_null:
        raise RequestError(f"--sweep {name}= has no value", hint=f"write --sweep {name}=VALUE")
    return node.plain()


def _set(plain: Plain, name: str, value: object) -> None:
    """Puts a value at a dotted name, which may lead through lists by number."""
    *path, last = key_in_our_words(name).split(".")
    _check_known((*path, last)[0], name)
    place: object = plain
    for step in path:
        if isinstance(place, dict):
            inner = place.get(step)
            if not isinstance(inner, (dict, list)):
                inner = {}
                place[step] = inner
            place = inner
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            raise _nowhere(name, step)
    if isinstance(place, dict):
        place[last] = value
    elif isinstance(place, list) and last.isdecimal() and int(last) < len(place):
        place[int(last)] = value
    else:
        raise _nowhere(name, last)
    _drop_other(plain, path[0] if path else last)


def _drop_other(plain: Plain, name: str) -> None:
    """`metric` takes the place of `metrics`, and the other way round."""
    if name in ("metric", "metrics"):
        plain.pop("metrics" if name == "metric" else "metric", None)


def _check_known(first: str, name: str) -> None:
    if first in SWEEP.known:
        return
    meant = SWEEP.meant(first) or suggestion(first, SWEEP.known)
    raise RequestError(
        f"--sweep {name}: a sweep has no option {first!r}",
        hint=f"did you mean {meant!r}?" if meant else f"known: {', '.join(SWEEP.known)}",
    )


def _nowhere(name: str, step: str) -> RequestError:
    return RequestError(f"--sweep {name}: there is no {step!r} in this sweep")


def _fix(plain: Plain, fixed: Mapping[str, str]) -> None:
    declared = plain.setdefault("parameters", {})
    for name, text in fixed.items():
        if isinstance(declared, dict):
            declared[name] = {"value": text}
        seed = plain.get("trial_seed")
        if seed == name or (isinstance(seed, dict) and seed.get("parameter") == name):
            del plain["trial_seed"]  # whoever gives the seed does not want another one
    points = plain.get("initial_points")
    if fixed and isinstance(points, list):
        kept: list[object] = []
        for point in points:
            left = _left_of(point, fixed)
            if left and left not in kept:
                kept.append(left)
        plain["initial_points"] = kept
        if not kept:
            del plain["initial_points"]


def _left_of(point: object, fixed: Mapping[str, str]) -> object:
    """What is still searched of an initial point; None where it is about other values than the given ones."""
    if not isinstance(point, dict):
        return point
    if any(name in fixed and not is_text_of(fixed[name], node_of(value)) for name, value in point.items()):
        return None
    return {name: value for name, value in point.items() if name not in fixed}


def _culprit(error: ManifestError, options: Mapping[str, str], fixed: Mapping[str, str]) -> str:
    """The option that the error is about; all of them where it is about none for certain."""
    key = error.key or ""
    for name, text in fixed.items():
        if key == f"parameters.{name}":
            return f"-P {name}={text}"
    for name, text in options.items():
        ours = key_in_our_words(name)
        if key == ours or key.startswith(f"{ours}.") or (ours.startswith(f"{key}.") and key):
            return f"--sweep {name}={text}"
    given = [f"--sweep {name}={text}" for name, text in options.items()]
    return ", ".join([*given, *(f"-P {name}={text}" for name, text in fixed.items())]) or "the sweep"
