"""Who looks at a page, as the guard has found out."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

KEY = "tracking_server.visitor"
"""Where the guard puts the visitor into a request's scope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """`name` is that of the token, "" where none is demanded. `signed_in`: by a cookie, and may sign out."""

    name: str = ""
    may_write: bool = True
    signed_in: bool = False


def of(request: Request) -> Visitor:
    """Whoever sent the request. Somebody without a name may change nothing where the guard has not looked."""
    found = request.scope.get(KEY)
    return found if isinstance(found, Visitor) else Visitor(may_write=False)
