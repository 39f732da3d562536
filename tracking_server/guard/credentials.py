"""What a request brings to prove who sent it, as MLflow's clients and browsers bring it.

`Authorization: Bearer TOKEN` (MLFLOW_TRACKING_TOKEN), `Authorization: Basic` with the token as password and
any user (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD), or the cookie of a browser that once opened an
address with `?token=`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from tracking_server.store import access_tokens

COOKIE = "tracking_"
"""What the names of our cookies begin with."""
_MOST_COOKIES = 20


def presented(authorization: bytes | None, cookie: bytes | None) -> Iterator[str]:
    """The digests of the tokens that a request shows. A header outweighs cookies."""
    if authorization is not None:
        token = _token_in(authorization)
        if token:
            yield access_tokens.digest_of(token)
        return
    if cookie is not None:
        for proof in _proofs_in(cookie):
            yield access_tokens.digest_of_proof(proof)


def _token_in(header: bytes) -> bytes:
    kind, _, credentials = header.partition(b" ")
    credentials = credentials.strip()
    match kind.lower():
        case b"bearer":
            return credentials
        case b"basic":
            try:
                return base64.b64decode(credentials, validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                return b""
    return b""


def _proofs_in(header: bytes) -> Iterator[bytes]:
    # Cookies are shared by all ports of a host: every server's has a name of its own.
    parts = [part.strip().partition(b"=") for part in header.split(b";")]
    ours = [value for name, _, value in parts if name.startswith(COOKIE.encode())]
    yield from ours[:_MOST_COOKIES]


def token_in_address(scope: Scope) -> bytes | None:
    """The token of `?token=` in the address of a page."""
    query: bytes = scope["query_string"]
    if scope["method"] != "GET" or b"token=" not in query:
        return None
    given = dict(pairs(scope)).get("token")
    return None if not given else given.encode("utf-8", "surrogateescape")


def welcome(scope: Scope, token: bytes) -> Response:
    """A redirect to the same page without its token, with a cookie instead."""
    rest = urlencode([(key, value) for key, value in pairs(scope) if key != "token"])
    # One leading slash only: "//host" would lead elsewhere; so would a backslash, which browsers read as one.
    path = "/" + scope["path"].replace("\\", "/").lstrip("/")
    reply = RedirectResponse(
        path + (f"?{rest}" if rest else ""), status_code=303, headers={"Cache-Control": "no-store"}
    )
    keep(reply, scope, token)
    return reply


def keep(reply: Response, scope: Scope, token: bytes) -> None:
    """Has the browser keep a proof of the token, which is not the token, until it is closed."""
    forwarded = dict(scope["headers"]).get(b"x-forwarded-proto", b"")
    reply.set_cookie(
        COOKIE + access_tokens.digest_of(token)[:12],
        access_tokens.proof_of(token),
        httponly=True,
        samesite="strict",
        secure=scope["scheme"] == "https" or forwarded == b"https",
        path="/",
    )


def pairs(scope: Scope) -> list[tuple[str, str]]:
    """The fields of the address that was asked for."""
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
