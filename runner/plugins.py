"""Which module holds what is chosen by name: built-ins first, entry points for unknown names only.

Nothing is imported before it is asked for, and listing installed distributions (slow) happens only for a
name that is no built-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from runner.errors import UnknownPlugin

BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "environment builder": {
            "virtualenv": "runner.environments.virtualenv:VirtualenvBuilder",
            "uv": "runner.environments.uv:UvBuilder",
            "conda": "runner.environments.conda:CondaBuilder",
        },
        "executor": {
            "local": "runner.executors.local:LocalExecutor",
            "inline": "runner.executors.inline:InlineExecutor",
        },
    }
)
ENTRY_POINT_GROUPS: Mapping[str, str] = MappingProxyType(
    {"environment builder": "runner.environment_builders", "executor": "runner.executors"}
)


def load(kind: str, name: str) -> object:
    """The object that is the `kind` called `name`. Raises UnknownPlugin, naming those there are."""
    target = BUILT_IN[kind].get(name)
    if target is None:
        return _installed(kind, name)
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _installed(kind: str, name: str) -> object:
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUPS[kind])}
    if name not in found:
        raise UnknownPlugin(kind, name, sorted({*BUILT_IN[kind], *found}))
    return found[name].load()
