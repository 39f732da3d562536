"""Filters in a form that every database can read: NOT stands at comparisons only, and AND is never in an AND.

Since every comparison is true or false, NOT of an AND is the OR of the NOTs, and the other way round. What
is left of depth is where AND and OR alternate; databases give up on that far earlier than on length.
"""

from __future__ import annotations

from tracking_server.errors import InvalidParameter
from tracking_server.query.tree import And, Comparison, Node, Not, Or

MAX_ALTERNATIONS = 20
"""How deep AND and OR may alternate: SQLite's parser has room for thirty."""


def normal_form(tree: Node) -> Node:
    """`tree`, with the same meaning. Raises InvalidParameter where AND and OR alternate too deep."""
    found = _pushed_down(tree, negated=False)
    if _alternations(found) > MAX_ALTERNATIONS:
        raise InvalidParameter(
            f"Invalid filter: AND and OR within one another deeper than {MAX_ALTERNATIONS} levels"
        )
    return found


def _pushed_down(node: Node, *, negated: bool) -> Node:
    match node:
        case Comparison():
            return Not(node) if negated else node
        case Not(part):
            return _pushed_down(part, negated=not negated)
        case And(parts):
            return _joined(parts, negated=negated, conjunction=not negated)
        case Or(parts):
            return _joined(parts, negated=negated, conjunction=negated)


def _joined(parts: tuple[Node, ...], *, negated: bool, conjunction: bool) -> Node:
    kind: type[And | Or] = And if conjunction else Or
    found: list[Node] = []
    for part in parts:
        inner = _pushed_down(part, negated=negated)
        found.extend(inner.parts if isinstance(inner, kind) else (inner,))
    return found[0] if len(found) == 1 else kind(tuple(found))


def _alternations(node: Node) -> int:
    if isinstance(node, (And, Or)):
        return 1 + max(map(_alternations, node.parts), default=0)
    return 0
