"""The format of the recorded conversations: JSON lines, one request with its reply each.

    {"let": "@1", "be": {...}}                                  a value that several replies hold
    {"say": "why", "send": "POST /api/...", "json": {...}, "got": 200, "reply": {"runs": ["@1"]}}

A request has `json` (sent as application/json) or `body` (text) or `bytes` (that many), and `headers` where
they are unusual. A reply has `reply` (JSON), `text`, or `bytes` (a length), and `headers` that matter.

What a server chooses by itself has a symbol in place of its value: {run1} for 32 hexadecimal digits, {model1},
{uuid1}, {name1} for a random name, {token1} for a page token, and {time} for the clock. A symbol stands for the
same value all through one file. {v*501} is a character so many times, {"times": 9, "of": x} an item so many times
in a list. Times that a client sent are moved to the autumn of 2023, so that recordings of
different days differ little.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

RECORDED = Path(__file__).with_name("recorded")
SYMBOL = re.compile(r"\{(run|model|uuid|name|token|hex)(\d+)\}|\{time\}|\{port\}")
LONGEST_BODY = 1500
"""Longer bodies are recorded as their length."""

CLIENT_TIMES_FROM_MS = 1_700_000_000_000

_VALUES = {
    "model": re.compile(r"(?:\b|(?<=%2F)|(?<=%27))m-[0-9a-f]{32}\b"),
    "uuid": re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    "run": re.compile(r"(?:(?<![0-9a-zA-Z])|(?<=%2F)|(?<=%27))[0-9a-f]{32}(?![0-9a-zA-Z])"),
    "name": re.compile(r"(?<![\w-])[a-z]{2,}-[a-z]{2,}-\d{1,3}(?![\w-])"),
}
_LONG = re.compile(r"([\w])\1{59,}")
_SHORT = re.compile(r"\{(\w)\*(\d+)\}")
_ASSUMED = (("say", ""), ("got", 200))
"""What a line that says nothing else means."""

_KEPT_HEADERS = ("content-type", "content-disposition", "x-content-type-options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its reply, as it happened or with symbols."""

    say: str
    method: str
    target: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int
    reply: bytes
    reply_headers: dict[str, str] = field(default_factory=dict)


class Symbols:
    """Gives what a server chose its symbol, in the order of appearance."""

    def __init__(self, began_ms: int, ended_ms: int) -> None:
        self._began_ms = began_ms
        self._ended_ms = ended_ms
        self._known: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._sent_times: set[int] = set()

    def token(self, token: str) -> None:
        """From now on this page token has a new symbol: MLflow's tokens are offsets, the same for all searches."""
        self._counts["token"] += 1
        self._known[token] = f"{{token{self._counts['token']}}}"

    def request(self, value: Any) -> Any:
        """A request with symbols."""
        return self._walk(value, sent=True)

    def reply(self, value: Any) -> Any:
        """A reply with symbols."""
        return self._walk(value, sent=False)

    def _name(self, kind: str, value: str) -> str:
        if value not in self._known:
            self._counts[kind] += 1
            self._known[value] = f"{{{kind}{self._counts[kind]}}}"
        return self._known[value]

    def _walk(self, value: Any, *, sent: bool) -> Any:
        if isinstance(value, dict):
            return {self._text(key): self._walk(item, sent=sent) for key, item in value.items()}
        if isinstance(value, list):
            return _packed([self._walk(item, sent=sent) for item in value])
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int) and self._began_ms <= value <= self._ended_ms:
            if sent:
                self._sent_times.add(value)
            if value in self._sent_times:
                return value - self._began_ms + CLIENT_TIMES_FROM_MS
            return "{time}"
        return value

    def _text(self, text: str) -> str:
        for value in [known for known, symbol in self._known.items() if symbol.startswith("{token")]:
            text = text.replace(value, self._known[value]).replace(quote(value, safe=""), self._known[value])
        for kind, pattern in _VALUES.items():
            text = pattern.sub(lambda match, kind=kind: self._name(kind, match.group()), text)  # type: ignore[misc]  # the loop's kind
        return _LONG.sub(lambda match: f"{{{match[1]}*{len(match.group())}}}", text)


def _packed(items: list[Any]) -> list[Any]:
    if len(items) > 10 and all(item == items[0] for item in items):
        return [{"times": len(items), "of": items[0]}]
    return items


def unpacked(value: Any) -> Any:
    """A recorded value with its repetitions written out."""
    if isinstance(value, dict):
        return {unpacked(key): unpacked(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], dict) and value[0].keys() == {"times", "of"}:
            return [unpacked(value[0]["of"])] * value[0]["times"]
        return [unpacked(item) for item in value]
    return _SHORT.sub(lambda match: match[1] * int(match[2]), value) if isinstance(value, str) else value


def lines(exchanges: list[Exchange], began_ms: int, ended_ms: int) -> Iterator[dict[str, Any]]:
    """The recorded conversation with symbols, as it is written to disk."""
    symbols = Symbols(began_ms, ended_ms)
    found = [_line(exchange, symbols) for exchange in exchanges]
    counts = Counter(_key(item) for line in found for item in _items(line.get("reply")))
    names: dict[str, str] = {}
    for line in found:
        for item in _items(line.get("reply")):
            key = _key(item)
            if counts[key] > 1 and key not in names:
                names[key] = f"@{len(names) + 1}"
                yield {"let": names[key], "be": item}
        if "reply" in line:
            line["reply"] = _named(line["reply"], names)
        yield {key: value for key, value in line.items() if (key, value) not in _ASSUMED}


def _items(reply: Any) -> Iterator[Any]:
    """The larger parts of a reply, which come again and again: runs, experiments, models."""
    if isinstance(reply, dict):
        for value in reply.values():
            parts = value if isinstance(value, list) else [value]
            yield from (part for part in parts if isinstance(part, dict) and len(_key(part)) > 120)


def _key(item: Any) -> str:
    return json.dumps(item, sort_keys=True)


def _named(reply: Any, names: dict[str, str]) -> Any:
    if not isinstance(reply, dict):
        return reply

    def short(part: Any) -> Any:
        return names.get(_key(part), part) if isinstance(part, dict) else part

    return {
        key: [short(part) for part in value] if isinstance(value, list) else short(value)
        for key, value in reply.items()
    }


def _line(exchange: Exchange, symbols: Symbols) -> dict[str, Any]:
    line: dict[str, Any] = {
        "say": symbols.request(exchange.say),
        "send": f"{exchange.method} {symbols.request(exchange.target)}",
    }
    headers = {name.lower(): value for name, value in exchange.headers.items()}
    content_type = headers.pop("content-type", None)
    if content_type == "application/json" and _is_plain_json(exchange.body):
        line["json"] = symbols.request(json.loads(exchange.body))
    else:
        if content_type is not None:
            headers["content-type"] = content_type
        if len(exchange.body) > LONGEST_BODY or (exchange.body and not _is_text(exchange.body)):
            line["bytes"] = len(exchange.body)
        elif exchange.body:
            line["body"] = symbols.request(exchange.body.decode())
    if headers:
        line["headers"] = headers
    line["got"] = exchange.status
    line.update(_reply(exchange, symbols))
    return line


def _reply(exchange: Exchange, symbols: Symbols) -> dict[str, Any]:
    headers = {
        name.lower(): value for name, value in exchange.reply_headers.items() if name.lower() in _KEPT_HEADERS
    }
    is_json = exchange.reply and headers.get("content-type", "").startswith("application/json")
    if is_json and "content-disposition" not in headers:
        document = json.loads(exchange.reply)
        if isinstance(document, dict):
            document.pop("sqlstate", None)
            document.pop("error_class", None)
            if "error_code" in document and len(str(document.get("message"))) > 600:
                document["message"] = str(document["message"])[:600] + "..."
            if document.get("next_page_token"):
                symbols.token(document["next_page_token"])
        return {"reply": symbols.reply(document)}
    kept = {"headers_got": headers} if headers else {}
    if exchange.status >= 400 and headers.get("content-type", "").startswith("text/html"):
        return {"text": "...", **kept}
    if len(exchange.reply) > LONGEST_BODY or not _is_text(exchange.reply):
        return {"bytes_got": len(exchange.reply), **kept}
    return {"text": symbols.reply(exchange.reply.decode()), **kept}


def _is_plain_json(body: bytes) -> bool:
    try:
        found = json.loads(body, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return isinstance(found, dict) and json.dumps(found) == json.dumps(json.loads(body.strip()))


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a recording with every `let` put in."""
    names: dict[str, Any] = {}
    found: list[dict[str, Any]] = []
    for text in path.read_text().split("\n")[:-1]:
        line = unpacked(json.loads(text))
        if "let" in line:
            names[line["let"]] = line["be"]
            continue
        if isinstance(line.get("reply"), dict):
            line["reply"] = {key: _whole(value, names) for key, value in line["reply"].items()}
        found.append({**dict(_ASSUMED), **line})
    return found


def _whole(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [names.get(part, part) if isinstance(part, str) else part for part in value]
    return names.get(value, value) if isinstance(value, str) else value
