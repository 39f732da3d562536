"""How a value shows itself: one line of text, and in a notebook a small table with a link to its page.

Notebooks ask for `_repr_html_` and `_repr_mimebundle_` (IPython's rich display protocol). What is shown is
escaped, and holds neither scripts nor credentials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

_CELL = 'style="text-align: left; white-space: nowrap; padding: 0 1em 0 0"'
_MOST_CHARACTERS = 200

_address: Callable[[], str | None] = lambda: None  # noqa: E731  # replaced by what knows of servers


def use_address(address: Callable[[], str | None]) -> None:
    """Makes `address` what says where the pages of values are that do not know their server."""
    global _address  # noqa: PLW0603  # values are below whatever knows of servers
    _address = address


class Shown:
    """A value that shows itself by `_title` and `_shown_fields`; its page is `_page`, where it has one."""

    __slots__ = ()

    def _title(self) -> str:
        return type(self).__name__

    def _shown_fields(self) -> Mapping[str, Any]:
        raise NotImplementedError

    def _page(self) -> str | None:
        return None

    def _server(self) -> str | None:
        return _address()

    def __repr__(self) -> str:
        fields = {name: value for name, value in self._shown_fields().items() if value not in (None, "")}
        return f"<{self._title()} {' '.join(f'{name}={_cut(value)!r}' for name, value in fields.items())}>"

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><th {_CELL}>{html.escape(name)}</th><td {_CELL}>{html.escape(_cut(value))}</td></tr>"
            for name, value in self._shown_fields().items()
            if value not in (None, "")
        )
        return f"<table><caption {_CELL}>{self._linked_title()}</caption><tbody>{rows}</tbody></table>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return {
            kind: shown
            for kind, shown in bundle.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

    def _linked_title(self) -> str:
        import html

        title, page = html.escape(self._title()), self._page()
        server = None if page is None else _web_address(self._server())
        if page is None or server is None:
            return f"<b>{title}</b>"
        address = html.escape(server + page, quote=True)
        return f'<b>{title}</b> <a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'


def run_page(run_id: str) -> str:
    """The path of a run's page."""
    return f"/runs/{quote(run_id, safe='')}"


def experiment_page(experiment_id: str) -> str:
    """The path of an experiment's page."""
    return f"/experiments/{quote(experiment_id, safe='')}"


def moment(at_ms: int | None) -> str:
    """A point in time, in ms since the epoch, in UTC to the second; "" for none."""
    if not at_ms:
        return ""
    import datetime as dt

    try:
        return dt.datetime.fromtimestamp(at_ms / 1000, tz=dt.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # a client's clock may say anything
        return str(at_ms)


def _web_address(server: str | None) -> str | None:
    """`server` if a browser can open it, without credentials, query and fragment."""
    if not server:
        return None
    try:
        parts = urlsplit(server)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not host:
        return None
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


__all__ = ["Shown", "experiment_page", "moment", "run_page", "use_address"]
