"""Collecting what is wrong while a project file is read."""

from __future__ import annotations

from pathlib import Path

from runner.errors import suggestion
from runner.manifest.document import Node
from runner.manifest.keys import Keys
from runner.manifest.problem import Problem


class Findings:
    """The problems of one file, in the order in which they were found. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def error(
        self,
        message: str,
        *,
        line: int | None,
        key: str,
        hint: str | None = None,
        at_load: bool = True,
        formal: bool = True,
    ) -> None:
        """Adds an error."""
        self.problems.append(
            Problem(
                severity="error",
                message=message,
                path=self.path,
                line=line,
                key=key,
                suggestion=hint,
                at_load=at_load,
                formal=formal,
            )
        )

    def warning(
        self, message: str, *, line: int | None, key: str, hint: str | None = None, formal: bool = False
    ) -> None:
        """Adds a warning."""
        self.problems.append(
            Problem(
                severity="warning",
                message=message,
                path=self.path,
                line=line,
                key=key,
                suggestion=hint,
                at_load=False,
                formal=formal,
            )
        )

    def unknown_keys(self, node: Node, keys: Keys, prefix: str) -> None:
        """Judges every key of a map that is not known: an error where it is a misspelt one."""
        for key, entry in node.fields.items():
            if key in keys.known:
                continue
            dotted = prefix + key
            meant = keys.meant(key)
            message = f"{key!r} is not a key of {keys.what}"
            if meant is not None:
                self.error(message, line=entry.line, key=dotted, hint=f"did you mean {meant!r}?")
            else:
                close = suggestion(key, keys.known)
                hint = f"did you mean {close!r}?" if close else f"known: {', '.join(keys.known)}"
                self.warning(f"{message} and is ignored", line=entry.line, key=dotted, hint=hint, formal=True)

    def map(self, node: Node, *, key: str, what: str) -> bool:
        """Whether `node` is a map; an error if it is not."""
        if node.kind == "map":
            return True
        self.error(f"{what} must be a map, not {describe(node)}", line=node.line, key=key)
        return False


def describe(node: Node) -> str:
    """What a node is, for a message."""
    if node.kind == "scalar":
        return "nothing" if node.is_null else repr(node.text)
    return f"a {node.kind}" if node.items or node.fields else f"an empty {node.kind}"
