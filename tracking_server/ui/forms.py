"""What a form of a page brings. That it comes from a page of this server, the guard has made sure of."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import MultiDict
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import InvalidParameter, TooLarge
from tracking_server.ui.address import here
from tracking_server.ui.frame import after_a_change

MOST_BYTES = 4_000_000
MOST_FIELDS = 50_000

Form = MultiDict


async def read(request: Request) -> Form:
    """The fields of a form, as browsers send them by default. Raises InvalidParameter and TooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidParameter("This address takes the form of a page.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(f"This form is longer than {MOST_BYTES:,} bytes. Select less at a time.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise InvalidParameter(f"This form cannot be read: {error}") from None
    return MultiDict(pairs)


def text(form: Form, name: str) -> str:
    """A field that must be there. Raises InvalidParameter."""
    value = form.get(name)
    if not isinstance(value, str):
        raise InvalidParameter(f"The field '{name}' is missing from this form.")
    return value.strip()


def needed(form: Form, name: str, why: str) -> str:
    """A field that must be filled in. Raises InvalidParameter with `why`."""
    found = text(form, name)
    if not found:
        raise InvalidParameter(why)
    return found


def tag_key(form: Form) -> str:
    """The name of a tag, in the field `key`. Raises InvalidParameter."""
    return needed(form, "key", "A tag needs a name.")


def lines(form: Form, name: str) -> str:
    """A text of several lines, whose ends browsers send as mail has them. Raises InvalidParameter."""
    return text(form, name).replace("\r\n", "\n")


def back(form: Form, otherwise: str = "/") -> Response:
    """Sends the browser to the page that the form named in its field `back`."""
    given = form.get("back")
    return after_a_change(here(given) if isinstance(given, str) else otherwise)
