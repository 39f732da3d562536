"""The page that asks for a token, and the page that says what the guard refuses."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import ServerError
from tracking_server.ui.frame import page


def show(request: Request, *, wanted: str, problem: str = "", status: int = 200) -> Response:
    """Asks for a token; whoever gives one goes on to the page `wanted`."""
    headers = {"Cache-Control": "no-store"}
    return page(request, "sign_in.html", status=status, headers=headers, wanted=wanted, problem=problem)


def refused(request: Request, error: ServerError) -> Response:
    """Says why a page is not shown or a form not taken."""
    return page(request, "problem.html", status=error.status, message=str(error))
