"""A filter as a tree: MLflow's grammar, and OR, NOT and parentheses.

filter      = [ either ]
either      = both { OR both }
both        = unary { AND unary }
unary       = NOT unary | "(" either ")" | comparison
comparison  = key ( operator value | LIKE text | ILIKE text | IS [NOT] NULL
                  | [NOT] IN "(" text { "," text } ")" )
key         = [ entity "." ] name          the name bare, in `backticks` or in "double quotes"
order       = key [ ASC | DESC ]
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NoReturn, cast

from tracking_server.errors import InvalidFilter, InvalidParameter
from tracking_server.query.lexer import Token, TokenKind, excerpt, tokens
from tracking_server.query.normal_form import normal_form
from tracking_server.query.tree import (
    EVERYTHING,
    And,
    Comparison,
    Entity,
    Node,
    Not,
    Operator,
    Or,
    OrderKey,
    Value,
)
from tracking_server.query.vocabulary import DATASET_KEYS, ENTITY_WORDS, Kind, Vocabulary

MAX_COMPARISONS = 200
MAX_DEPTH = 50
MAX_ORDER_KEYS = 10

_ORDERING = ("<", "<=", ">", ">=")
_SAME = {"==": "=", "<>": "!="}
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")


def parse_filter(text: str, vocabulary: Vocabulary) -> Node:
    """The meaning of a filter; the empty one means everything. Raises InvalidParameter with the place."""
    return _Parser(text, vocabulary).whole_filter()


def parse_order(texts: Sequence[str], vocabulary: Vocabulary) -> tuple[OrderKey, ...]:
    """The meaning of `order_by`. Raises InvalidParameter, also for a key that comes twice."""
    if len(texts) > MAX_ORDER_KEYS:
        raise InvalidParameter(f"`order_by` contains {len(texts)} fields, more than {MAX_ORDER_KEYS}")
    keys: list[OrderKey] = []
    for text in texts:
        key = _Parser(text, vocabulary).whole_order()
        if any((key.entity, key.key) == (other.entity, other.key) for other in keys):
            raise InvalidParameter(f"`order_by` contains duplicate fields: {list(texts)}")
        keys.append(key)
    return tuple(keys)


class _Parser:
    """Recursive descent over one text; used once."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._tokens = list(tokens(text))
        self._next = 0
        self._comparisons = 0

    def whole_filter(self) -> Node:
        if self._peek().kind == "end":
            return EVERYTHING
        node = self._either(0)
        self._expect_end()
        return normal_form(node)

    def whole_order(self) -> OrderKey:
        entity, key, _ = self._key()
        ascending = True
        if self._word("DESC"):
            ascending = False
        else:
            self._word("ASC")
        self._expect_end()
        if entity == "dataset":
            raise InvalidParameter(f"Invalid order_by: datasets have no order, in {self._text[:200]!r}")
        return OrderKey(entity=entity, key=key, ascending=ascending)

    def _either(self, depth: int) -> Node:
        parts = [self._both(depth)]
        while self._word("OR"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self, depth: int) -> Node:
        parts = [self._unary(depth)]
        while self._word("AND"):
            parts.append(self._unary(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _unary(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise InvalidParameter(f"Invalid filter: nested deeper than {MAX_DEPTH} levels")
        if self._word("NOT"):
            return Not(self._unary(depth + 1))
        if self._take("("):
            node = self._either(depth + 1)
            if not self._take(")"):
                self._fail("expected a closing parenthesis")
            return node
        return self._comparison()

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise InvalidParameter(f"Invalid filter: more than {MAX_COMPARISONS} comparisons")
        entity, key, kind = self._key()
        operator = self._operator()
        self._check_operator(entity, kind, operator)
        return Comparison(entity=entity, key=key, operator=operator, value=self._value(kind, operator))

    def _key(self) -> tuple[Entity, str, Kind]:
        first = self._advance()
        if first.kind == "word":
            entity_word, dot, rest = first.text.partition(".")
            entity = ENTITY_WORDS.get(entity_word)
            if entity is not None and dot:
                return self._resolve(entity, rest, first)
            if entity is not None and self._take("."):
                return self._named(entity)
            if dot and first.text not in self._vocabulary.attributes:
                known = ", ".join(sorted(set(ENTITY_WORDS.values())))
                self._fail(f"unknown entity type '{entity_word}' (known: {known})", first)
            return self._resolve("attribute", first.text, first)
        if first.kind == "quoted":
            entity = ENTITY_WORDS.get(first.text)
            if entity is not None and self._take("."):
                return self._named(entity)
            return self._resolve("attribute", first.text, first)
        raise self._failure("expected the name of a metric, parameter, tag or attribute", first)

    def _named(self, entity: Entity) -> tuple[Entity, str, Kind]:
        name = self._advance()
        if name.kind not in ("quoted", "string", "word"):
            self._fail("expected a name", name)
        return self._resolve(entity, name.text, name)

    def _resolve(self, entity: Entity, name: str, token: Token) -> tuple[Entity, str, Kind]:
        vocabulary = self._vocabulary
        if entity not in vocabulary.entities:
            self._fail(f"a {vocabulary.what} has no {entity}s to search by", token)
        if entity == "metric":
            return entity, name, "number"
        if entity == "dataset" and name not in DATASET_KEYS:
            self._fail(f"unknown dataset attribute '{name}' (known: {', '.join(DATASET_KEYS)})", token)
        if entity == "attribute":
            key = vocabulary.aliases.get(name, name)
            if key not in vocabulary.attributes:
                known = ", ".join(vocabulary.attributes)
                self._fail(f"invalid attribute key '{name}' (known: {known})", token)
            return entity, key, vocabulary.attributes[key]
        return entity, name, "text"

    def _operator(self) -> Operator:
        token = self._peek()
        if token.kind == "operator":
            self._advance()
            return cast("Operator", _SAME.get(token.text, token.text))
        if self._word("IS"):
            operator: Operator = "IS NOT NULL" if self._word("NOT") else "IS NULL"
            if not self._word("NULL"):
                self._fail("expected NULL")
            return operator
        if self._word("NOT"):
            if self._word("IN"):
                return "NOT IN"
            self._fail("expected IN")
        words: tuple[Operator, ...] = ("LIKE", "ILIKE", "IN")
        for word in words:
            if self._word(word):
                return word
        raise self._failure("expected a comparison operator")

    def _check_operator(self, entity: Entity, kind: Kind, operator: Operator) -> None:
        if kind == "number":
            fine = operator in ("=", "!=", *_ORDERING)
        elif operator in ("IS NULL", "IS NOT NULL"):
            fine = entity in ("param", "tag")
        else:
            fine = operator not in _ORDERING
        if not fine:
            what = "numeric attribute" if (entity, kind) == ("attribute", "number") else entity
            self._fail(f"a {what} cannot be compared by {operator}")

    def _value(self, kind: Kind, operator: Operator) -> Value:
        if operator in ("IS NULL", "IS NOT NULL"):
            return None
        if operator in ("IN", "NOT IN"):
            return self._texts()
        token = self._advance()
        if kind == "number":
            quoted = self._vocabulary.quoted_numbers and token.kind in ("string", "quoted")
            if token.kind != "number" and not (quoted and _WHOLE_NUMBER.fullmatch(token.text)):
                self._fail("expected a number", token)
            return _number(token.text)
        return self._as_text(token)

    def _texts(self) -> tuple[str, ...]:
        if not self._take("("):
            self._fail("expected a list such as ('a', 'b')")
        found = [self._as_text(self._advance())]
        while self._take(","):
            if self._peek().kind == ")":  # MLflow's clients write one-element lists as Python tuples
                break
            found.append(self._as_text(self._advance()))
        if not self._take(")"):
            self._fail("expected a closing parenthesis")
        return tuple(found)

    def _as_text(self, token: Token) -> str:
        if token.kind not in ("string", "quoted"):
            self._fail("expected a quoted string value", token)
        return token.text

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _take(self, kind: TokenKind) -> bool:
        if self._peek().kind != kind:
            return False
        self._next += 1
        return True

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token.kind != "word" or token.text.upper() != word:
            return False
        self._next += 1
        return True

    def _expect_end(self) -> None:
        if self._peek().kind != "end":
            self._fail("expected AND, OR or the end")

    def _fail(self, problem: str, token: Token | None = None) -> NoReturn:
        raise self._failure(problem, token)

    def _failure(self, problem: str, token: Token | None = None) -> InvalidFilter:
        position = (token or self._peek()).position
        message = f"Invalid filter: {problem}, but found {excerpt(self._text, position)}"
        return InvalidFilter(message, position)


def _number(text: str) -> float | int:
    try:
        whole = int(text)
    except ValueError:
        value = float(text)
        return value if math.isfinite(value) else math.copysign(1.7976931348623157e308, value)
    # Databases compare integers beyond 64 bits as floats at best.
    return (
        whole
        if -(2**63) <= whole < 2**63
        else float(text)
        if len(text) < 300
        else math.copysign(1.7e308, 1 if whole > 0 else -1)
    )
