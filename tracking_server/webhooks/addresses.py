"""Which addresses of the internet a delivery may go to, and asking for the addresses of a name.

The ranges are those of IANA's special-purpose registries, written out since `ipaddress.is_global` answers
differently from one Python to the next, and knows nothing of clouds.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host name and a port to its addresses as text. Raises OSError where there are none."""

_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # public by its number, but a cloud's platform service
        "169.254.0.0/16",  # link-local: the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, and a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_UNICAST_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo, which wraps any IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps any IPv4 address
        "3fff::/20",  # documentation
    )
)
# How networks without IPv4 reach it: these are as good as the address inside.
_NAT64 = IPv6Network("64:ff9b::/96")

_RESOLVING_AT_ONCE = threading.BoundedSemaphore(16)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large, and to no network that a server may stand in."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    inside = address.ipv4_mapped
    if inside is None and address in _NAT64:
        inside = IPv4Address(int(address) & 0xFFFFFFFF)
    if inside is not None:
        return is_public(inside)
    return address in _UNICAST_V6 and not any(address in network for network in _REFUSED_V6)


def parsed(text: str) -> Address:
    """An address that a resolver gave, without its zone. Raises ValueError."""
    return ipaddress.ip_address(text.partition("%")[0])


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system. It cannot be told to stop, so that it is asked in a thread that nobody waits for."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()
    if not _RESOLVING_AT_ONCE.acquire(blocking=False):
        raise OSError("too many names are being resolved already")

    def ask() -> None:
        found: list[str] = []
        error: Exception | None = None
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as failure:
            error = OSError(str(failure))
        finally:
            _RESOLVING_AT_ONCE.release()
        try:
            loop.call_soon_threadsafe(_settle, answer, found, error)
        except RuntimeError:  # the loop is closed: whoever asked is gone
            pass

    threading.Thread(target=ask, name="webhook-resolver", daemon=True).start()
    return await answer


def _settle(answer: asyncio.Future[list[str]], found: list[str], error: Exception | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(found)
