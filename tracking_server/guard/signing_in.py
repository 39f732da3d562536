"""Browsers sign in with a token and out again: what stands between is a cookie, which is not the token."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope

from tracking_server.guard import credentials
from tracking_server.guard.keyring import Keyring
from tracking_server.store import access_tokens
from tracking_server.ui import address, forms, signing_in

IN = "/login"
OUT = "/logout"
PATHS = frozenset({IN, OUT})
_CALLS = ("/api/", "/ajax-api/", "/health", "/version", "/metrics", "/openapi.json")


def asks_for_page(scope: Scope) -> bool:
    """Whether a person waits for the reply, in a browser, rather than a program."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return b"text/html" in accept and not scope["path"].startswith(_CALLS)


def led_there(scope: Scope) -> Response:
    """Sends a stranger to the page that asks for a token, and from there back."""
    wanted = address.here(_without_token(scope)) if scope["method"] == "GET" else "/"
    return RedirectResponse(
        f"{IN}?{urlencode({'wanted': wanted})}", status_code=303, headers={"Cache-Control": "no-store"}
    )


def _without_token(scope: Scope) -> str:
    """The address that was asked for. A token in it that opens nothing here may open another server."""
    query = urlencode([pair for pair in credentials.pairs(scope) if pair[0] != "token"])
    return quote(scope["path"], safe="/") + (f"?{query}" if query else "")


async def answer(scope: Scope, receive: Receive, keyring: Keyring) -> Response:
    """The reply to what is sent to `PATHS`. Raises ServerError."""
    request = Request(scope, receive)
    if scope["path"] == OUT:
        return await _signed_out(request, keyring)
    if scope["method"] == "POST":
        return await _signed_in(request, keyring)
    wanted = address.here(request.query_params.get("wanted", "/"))
    shown = credentials.presented(None, request.headers.get("cookie", "").encode("latin-1"))
    if await keyring.holder(shown) is not None:
        return RedirectResponse(wanted, status_code=303)
    return signing_in.show(request, wanted=wanted)


async def _signed_in(request: Request, keyring: Keyring) -> Response:
    form = await forms.read(request)
    token = forms.text(form, "token").encode("utf-8", "surrogateescape")
    wanted = address.here(str(form.get("wanted", "/")))
    holder = await keyring.holder([access_tokens.digest_of(token)])
    if holder is None:
        problem = "This is no token of this server; it may have been revoked."
        return signing_in.show(request, wanted=wanted, problem=problem, status=401)
    reply = RedirectResponse(wanted, status_code=303, headers={"Cache-Control": "no-store"})
    if holder.name:
        credentials.keep(reply, request.scope, token)
    return reply


async def _signed_out(request: Request, keyring: Keyring) -> Response:
    reply = RedirectResponse(IN, status_code=303, headers={"Cache-Control": "no-store"})
    if request.method == "POST":  # a link on another site must sign nobody out
        for name, proof in request.cookies.items():
            # Cookies are shared by all ports of a host: those of other servers are none of ours.
            if name.startswith(credentials.COOKIE) and await _is_known(proof, keyring):
                reply.delete_cookie(name, path="/")
    return reply


async def _is_known(proof: str, keyring: Keyring) -> bool:
    digest = access_tokens.digest_of_proof(proof.encode("latin-1", "replace"))
    holder = await keyring.holder([digest])
    return holder is not None and bool(holder.name)
