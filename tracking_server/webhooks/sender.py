"""One POST to one webhook: to a checked address, within a deadline, following nothing.

The name is resolved once. Every address that it has must be public, and the connection goes to one of those
very addresses, so that a name which changes its mind finds nobody listening. The certificate is still checked
against the name. Nothing of the environment is read: a proxy would be the one that resolves and connects.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httptools

from tracking_server.errors import InvalidParameter
from tracking_server.webhooks.addresses import Address, Resolve, is_public, parsed, system_resolve
from tracking_server.webhooks.targets import AllowedTargets, Target, check_port, target_of, trust

DEADLINE_S = 10.0
"""How long one attempt may take, from the first question to the last byte."""

RESOLVE_S = 5.0
CONNECT_S = 4.0
REST_S = 2.0
"""How long the rest of an answer is waited for once its status is known: receivers mind being cut off."""

MAX_ADDRESSES = 4
MAX_ANSWER_BYTES = 64 * 1024
MAX_EXCERPT_BYTES = 1000

USER_AGENT = "runner-tracking-server"

_CHUNK_BYTES = 8192
_NO_HTTP = (httptools.HttpParserError, httptools.HttpParserUpgrade)


class DeliveryFailed(Exception):
    """An attempt that failed. The message names the host and no more of the URL, and never the secret.

    `final`: trying again would fail again. `answer` is what the receiver said, if it said something.
    """

    def __init__(self, reason: str, *, final: bool = False, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.final = final
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver answered: its status and the beginning of its body."""

    status: int
    excerpt: str


class Sender:
    """Sends to webhooks. Belongs to one event loop at a time; any number of sends may be under way."""

    def __init__(
        self,
        *,
        allowed: AllowedTargets,
        context: ssl.SSLContext | None = None,
        resolve: Resolve = system_resolve,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._allowed = allowed
        self._context = context
        self._resolve = resolve
        self._deadline_s = deadline_s

    @property
    def deadline_s(self) -> float:
        """How long one attempt may take."""
        return self._deadline_s

    async def check(self, url: str) -> None:
        """Whether deliveries may go to `url`, as far as can be known now. Raises InvalidParameter."""
        target = target_of(url)
        if target not in self._allowed:
            await self._addresses(target)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Deliver; the answer of a receiver that took it. Raises DeliveryFailed, whatever goes wrong."""
        try:
            return await asyncio.wait_for(self._post(url, body, headers), self._deadline_s)
        except (TimeoutError, asyncio.TimeoutError):
            raise DeliveryFailed(f"no answer within {self._deadline_s:g} s") from None

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            target = target_of(url)
            addresses = await self._addresses(target)
        except InvalidParameter as error:
            raise DeliveryFailed(str(error), final=not isinstance(error, _Unresolved)) from None
        try:
            reader, writer = await self._connect(target, addresses)
            try:
                writer.write(_request(target, body, headers) + body)
                await writer.drain()
                answer = await _answer(reader)
            finally:
                writer.transport.abort()
        except ssl.SSLCertVerificationError as error:
            reason = f"its certificate is not valid: {error.verify_message}"
            raise DeliveryFailed(f"{target.host}: {reason}") from None
        except (*_NO_HTTP, OSError, EOFError) as error:
            raise DeliveryFailed(f"{target.host}: {str(error) or type(error).__name__}") from None
        return _judged(target, answer)

    async def _addresses(self, target: Target) -> list[Address]:
        """Where `target` may be connected to. Raises InvalidParameter."""
        if target in self._allowed:
            return await self._resolved(target)
        check_port(target)
        addresses = await self._resolved(target)
        if not all(is_public(address) for address in addresses):
            # Not which address: names of the inside are nobody's business.
            raise InvalidParameter(
                f"Webhook URL must not resolve to a non-public IP address, as {target.host!r} does. "
                "An operator can allow it by name: --webhook-allowed-hosts."
            )
        return addresses

    async def _resolved(self, target: Target) -> list[Address]:
        if target.address is not None:
            return [target.address]
        try:
            texts: Sequence[str] = await asyncio.wait_for(self._resolve(target.host, target.port), RESOLVE_S)
            addresses = [parsed(text) for text in texts]
        except (TimeoutError, asyncio.TimeoutError):
            raise _Unresolved(
                f"Cannot resolve Webhook URL hostname {target.host!r} within {RESOLVE_S:g} seconds"
            ) from None
        except (OSError, ValueError) as error:
            raise _Unresolved(f"Cannot resolve Webhook URL hostname {target.host!r}: {error}") from None
        if not addresses:
            raise _Unresolved(f"Cannot resolve Webhook URL hostname {target.host!r}: it has no address")
        return addresses

    async def _connect(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first address that takes one. Raises OSError."""
        if self._context is None:  # reading the system's certificates takes a while
            self._context = await asyncio.to_thread(trust, None)
        last: OSError = OSError("no address")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await asyncio.wait_for(
                    asyncio.open_connection(
                        str(address),
                        target.port,
                        ssl=self._context,
                        server_hostname=target.host,
                        limit=MAX_ANSWER_BYTES,
                    ),
                    CONNECT_S,
                )
            except ssl.SSLError:
                raise
            except (TimeoutError, asyncio.TimeoutError):
                last = OSError("connecting took too long")
            except OSError as error:
                last = OSError(error.strerror or "cannot connect")
        raise last


class _Unresolved(InvalidParameter):
    """A name without an address, for now."""


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: {USER_AGENT}",
        "Content-Type: application/json",
        "Accept-Encoding: identity",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


class _Reading:
    """What the parser tells while an answer comes in."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.body = bytearray()
        self.complete = False

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200:  # those below announce another one
            self.status = status

    def on_body(self, part: bytes) -> None:
        self.body += part[: MAX_EXCERPT_BYTES - len(self.body)]

    def on_message_complete(self) -> None:
        self.complete = self.status != 0


async def _answer(reader: asyncio.StreamReader) -> Answer:
    """Read an answer, or as much of it as is wanted. Raises EOFError, OSError, and what the parser raises."""
    reading = _Reading()
    left = MAX_ANSWER_BYTES
    rest_until = 0.0
    while not reading.complete and left > 0:
        if reading.status and not rest_until:
            rest_until = time.monotonic() + REST_S
        try:
            timeout_s = max(0.0, rest_until - time.monotonic()) if rest_until else None
            chunk = await asyncio.wait_for(reader.read(min(_CHUNK_BYTES, left)), timeout_s)
        except (TimeoutError, asyncio.TimeoutError, OSError):
            if not reading.status:
                raise
            break
        if not chunk:
            break
        left -= len(chunk)
        try:
            reading.parser.feed_data(chunk)
        except _NO_HTTP:
            if not reading.status:
                raise
            break
    if not reading.status:
        raise EOFError("it closed the connection without an answer" if left > 0 else "its answer has no end")
    return Answer(status=reading.status, excerpt=bytes(reading.body).decode("utf-8", "replace"))


def _judged(target: Target, answer: Answer) -> Answer:
    """`answer` where it means that the delivery was taken. Raises DeliveryFailed."""
    status = answer.status
    if status < 300:
        return answer
    if status < 400:
        raise DeliveryFailed(
            f"{target.host} answered {status}: redirects are not followed; give the webhook the new URL",
            final=True,
            answer=answer,
        )
    final = status < 500 and status not in (408, 425, 429)
    raise DeliveryFailed(f"{target.host} answered {status}", final=final, answer=answer)
