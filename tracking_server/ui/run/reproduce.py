"""The commands that run a run again, with the same code, parameters and environment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tracking_server.ui.run.recorded import PATCH, UNTRACKED
from tracking_server.ui.run.source import Source

MOST_PARAMETERS = 200
"""A command with more of them is of no use to anybody."""

_MANAGERS = frozenset({"virtualenv", "uv", "conda", "docker", "local"})


def commands(
    source: Source, order: Mapping[str, Any], *, experiment_name: str, has_patch: bool, has_untracked: bool
) -> Sequence[str]:
    """What to type, a line each; none where the run was not launched by `runner` or nobody knows its code.

    Changes that were not committed are applied to a clone; their files are expected beside it.
    """
    if source.kind != "PROJECT" or not source.entry_point:
        return ()
    run = partial(_run, source, order, experiment_name)
    if not source.commit:
        return [run(source.name, None)] if source.name else ()
    subdirectory = _text(_section(order, "source"), "subdirectory")
    # Without a remote, the name is the project's directory on the machine that ran it.
    origin = source.repository or source.name.removesuffix(f"/{subdirectory}")
    if not origin:
        return ()
    if not (has_patch or has_untracked):
        return [run(f"{origin}#{subdirectory}" if subdirectory else origin, source.commit)]
    folder = f"again-{source.commit[:7]}"
    return [
        f"git clone {shlex.quote(origin)} {folder}",
        f"git -C {folder} checkout {shlex.quote(source.commit)}",
        *([f'git -C {folder} apply "$PWD/{PATCH}"'] if has_patch else ()),
        *([f"tar -C {folder} -xzf {UNTRACKED}"] if has_untracked else ()),
        run(f"{folder}/{subdirectory}" if subdirectory else folder, None),
    ]


def _run(
    source: Source, order: Mapping[str, Any], experiment_name: str, uri: str, revision: str | None
) -> str:
    words = ["runner", "run", uri]
    if revision is not None:
        words += ["-v", revision]
    if source.entry_point != "main":
        words += ["-e", source.entry_point]
    if experiment_name != "Default":
        words += ["--experiment-name", experiment_name]
    manager = _text(_section(order, "environment"), "kind")
    if manager in _MANAGERS:
        words += ["--env-manager", manager]
    for name, value in list(_section(order, "params").items())[:MOST_PARAMETERS]:
        words += ["-P", f"{name}={value}"]
    return " ".join(shlex.quote(word) for word in words)


def _section(order: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = order.get(name)
    return found if isinstance(found, dict) else {}


def _text(section: Mapping[str, Any], name: str) -> str:
    found = section.get(name)
    return found if isinstance(found, str) else ""
