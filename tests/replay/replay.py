"""Sends recorded requests to our server, in this process, and says where its replies differ."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from tests.replay import exchanges
from tests.replay.deliberate import artifacts, everywhere, models, registry, runs, searches
from tests.replay.differences import Difference
from tests.replay.matching import Bindings
from tracking_server import app
from tracking_server.settings import Settings

DIFFERENCES: tuple[Difference, ...] = (
    *everywhere.DIFFERENCES,
    *runs.DIFFERENCES,
    *artifacts.DIFFERENCES,
    *models.DIFFERENCES,
    *registry.DIFFERENCES,
    *searches.DIFFERENCES,
)
"""Every deliberate difference."""

_TARGET = re.compile(r"([^?]*)\??(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """What our server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Outcome:
    """A recording replayed: the problems, and the deliberate differences that were met."""

    replayed: int = 0
    problems: list[str] = field(default_factory=list)
    met: set[str] = field(default_factory=set)


async def ask(asgi: ASGIApp, method: str, target: str, body: bytes, headers: dict[str, str]) -> Reply:
    """One request, with nothing added that is not in the recording."""
    path, query = _TARGET.fullmatch(target).groups()  # type: ignore[union-attr]  # it matches everything
    sent = [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
    if body or method not in ("GET", "DELETE", "HEAD"):
        sent.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": sent,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    got: list[Message] = []

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        got.append(message)

    await asgi(scope, receive, send)
    start = got[0]
    return Reply(
        start["status"],
        {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in got[1:]),
    )


@contextlib.asynccontextmanager
async def _running(asgi: ASGIApp) -> AsyncIterator[None]:
    """The application between its start and its end, as a server would run it."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    answers: asyncio.Queue[Message] = asyncio.Queue()

    async def live() -> None:
        await asgi({"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, answers.put)

    life = asyncio.create_task(live())
    for event in ("startup", "shutdown"):
        await told.put({"type": f"lifespan.{event}"})
        answer = await asyncio.wait_for(answers.get(), 30)
        assert answer["type"] == f"lifespan.{event}.complete", answer
        if event == "startup":
            yield
    await life


def replay(name: str, settings: Settings) -> Outcome:
    """Replay one recording against a new server with `settings`."""
    lines = exchanges.read(exchanges.RECORDED / f"{name}.jsonl")

    async def work() -> Outcome:
        application = app.build(settings)
        outcome = Outcome()
        bindings = Bindings()
        async with _running(application.asgi):
            for number, line in enumerate(lines, 1):
                await _one(application.asgi, name, number, line, bindings, outcome)
        return outcome

    return asyncio.run(work())


async def _one(
    asgi: ASGIApp, name: str, number: int, line: dict[str, Any], bindings: Bindings, outcome: Outcome
) -> None:
    method, _, target = bindings.fill(line["send"], quoted=True).partition(" ")
    headers = dict(line.get("headers", {}))
    if "json" in line:
        headers.setdefault("content-type", "application/json")
        body = json.dumps(bindings.fill(line["json"])).encode()
    else:
        body = bindings.fill(line.get("body", "")).encode() or b"x" * line.get("bytes", 0)
    reply = await ask(asgi, method, target, body, headers)
    outcome.replayed += 1
    said = f"{line['say']} | {line['send']} {json.dumps(line['json']) if 'json' in line else ''}"
    deliberate = [rule for rule in DIFFERENCES if rule.covers(name, said, line)]
    found = _compare(line, reply, bindings, deliberate, outcome.met)
    if found:
        outcome.problems.append("\n    ".join([f"{name}:{number} {_short(said)}", *map(_short, found)]))


def _short(text: str) -> str:
    return text if len(text) < 400 else f"{text[:200]} ... {text[-150:]}"


def _compare(
    line: dict[str, Any], reply: Reply, bindings: Bindings, deliberate: list[Difference], met: set[str]
) -> list[str]:
    """What is wrong with a reply that is neither MLflow's nor what one deliberate difference says."""
    expected = {key: value for key, value in line.items() if key in ("got", "reply", "text", "bytes_got")}
    expected["headers_got"] = line.get("headers_got", {})
    actual = _as_recorded(reply, expected)
    problems, bound = bindings.compared(expected, actual)
    for rule in deliberate if problems else ():
        still, bound = bindings.compared(*rule.apply(expected, actual))
        if not still:
            problems = []
            met.add(rule.name)
            break
    if not problems:
        bindings.adopt(bound)
    return problems


def _as_recorded(reply: Reply, expected: dict[str, Any]) -> dict[str, Any]:
    """Our reply in the recording's format, as far as the recording says something about it."""
    actual: dict[str, Any] = {"got": reply.status}
    is_json = reply.headers.get("content-type", "").startswith("application/json")
    if is_json and "bytes_got" not in expected and "content-disposition" not in reply.headers:
        actual["reply"] = json.loads(reply.body)
    elif "bytes_got" in expected:
        actual["bytes_got"] = len(reply.body)
    else:
        actual["text"] = reply.body.decode(errors="replace")
    actual["headers_got"] = {name: reply.headers.get(name, "") for name in expected["headers_got"]}
    return actual


def names() -> list[str]:
    """The recordings there are."""
    return sorted(path.stem for path in Path(exchanges.RECORDED).glob("*.jsonl"))


def main() -> None:
    """Print the problems of the recordings named on the command line, or of all."""
    for name in sys.argv[1:] or names():
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(
                backend_store_uri=f"sqlite:///{folder}/mlruns.db", artifacts_destination=f"{folder}/artifacts"
            )
            outcome = replay(name, settings)
        print("\n".join(outcome.problems))
        print(f"{name}: {len(outcome.problems)} problems")


if __name__ == "__main__":
    main()
