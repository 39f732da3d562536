"""What tests of pages ask of a server in this process."""

from __future__ import annotations

from typing import Any

from tests.tracking_server.conftest import V2


def page(api: Any, path: str, /, **query: Any) -> str:
    reply = api.http.get(path, params=query or None)
    assert reply.status_code == 200, reply.text
    return str(reply.text)


def tag(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


def put(api: Any, run_id: str, path: str, content: bytes) -> None:
    """Stores a file among the artifacts of a run of the first experiment."""
    reply = api.http.put(f"{V2}-artifacts/artifacts/0/{run_id}/artifacts/{path}", content=content)
    assert reply.status_code == 200, reply.text
