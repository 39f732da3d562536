"""Request bodies as they come in, bounded: each one, and all of them together.

How long a client may take is not seen to here but where its connection is, in `tracking_server.connections`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from tracking_server.errors import TooLarge, Unavailable

MAX_GATHERED_BYTES = 512 * 1024 * 1024
"""How much of unfinished bodies may be in memory at once."""


class _Gathered:
    """How many bytes of unfinished bodies are in memory. Used on the event loop only."""

    size_bytes = 0


async def limited_body(request: Request, max_bytes: int) -> bytes:
    """The request's body. Raises TooLarge beyond `max_bytes`, Unavailable where all bodies together are too
    long, ClientDisconnect where the client goes away.
    """
    announced = request.headers.get("content-length", "0")
    _check(int(announced) if announced.isdigit() else 0, max_bytes)
    message = await request.receive()
    if not message.get("more_body", False) and message["type"] == "http.request":
        only: bytes = message.get("body", b"")
        _check(len(only), max_bytes)
        return only
    body = bytearray()
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk = message.get("body", b"")
            body += chunk
            _Gathered.size_bytes += len(chunk)
            _check(len(body), max_bytes)
            if not message.get("more_body", False):
                return bytes(body)
            if _Gathered.size_bytes > MAX_GATHERED_BYTES:
                raise Unavailable("Too much is being sent at once. Send the request again in a moment.")
            message = await request.receive()
    finally:
        _Gathered.size_bytes -= len(body)


def _check(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise TooLarge(f"The request's body is longer than {max_bytes} bytes.")


async def patient(request: Request) -> AsyncIterator[bytes]:
    """The chunks of a request's body as they come. Raises ClientDisconnect."""
    async for chunk in request.stream():
        if chunk:
            yield chunk
