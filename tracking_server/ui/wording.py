"""How times, spans, numbers and sizes are written on pages."""

from __future__ import annotations

import datetime as dt

from tracking_server.store.records import MAX_FLOAT, WireFloat

LONGEST_CELL = 60
"""How many letters of a text a table shows."""


def moment(at_ms: int | None, *, with_zone: bool = False) -> str:
    """A point in time in the server's time zone, to the second: "2026-11-27 18:00:00"."""
    if at_ms is None:
        return ""
    try:
        at = dt.datetime.fromtimestamp(at_ms / 1000, tz=dt.timezone.utc).astimezone()
    except (OverflowError, ValueError, OSError):  # a client's clock may say anything
        return str(at_ms)
    return at.strftime("%Y-%m-%d %H:%M:%S" + (" %Z" if with_zone else ""))


def exact(at_ms: int) -> str:
    """A point in time as machines read it, in UTC."""
    try:
        at = dt.datetime.fromtimestamp(at_ms / 1000, tz=dt.timezone.utc)
    except (OverflowError, ValueError, OSError):
        return ""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_UNITS = ((31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3_600, "h"), (60, "min"))


def ago(at_ms: int, now_ms: int) -> str:
    """How long ago something was, in one unit: "just now", "42 s ago", "3 h ago". As `ago` in page.js."""
    seconds = (now_ms - at_ms) // 1000
    if seconds < -60:
        return "in the future"
    if seconds < 10:
        return "just now"
    if seconds < 60:
        return f"{seconds} s ago"
    length, unit = next(pair for pair in _UNITS if seconds >= pair[0])
    return f"{seconds // length} {unit} ago"


def span(start_ms: int, end_ms: int | None, now_ms: int) -> str:
    """How long something took, or has taken so far: "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"."""
    spent_ms = max(0, (now_ms if end_ms is None else end_ms) - start_ms)
    if spent_ms < 1000:
        return f"{spent_ms} ms"
    if spent_ms < 60_000:
        return f"{spent_ms / 1000:.1f} s"
    minutes, seconds = divmod(spent_ms // 1000, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"


def number(value: WireFloat) -> str:
    """A metric to six significant digits, as a table shows it."""
    if isinstance(value, str):
        return value
    if abs(value) == MAX_FLOAT:
        return "∞" if value > 0 else "-∞"
    return f"{value:.6g}"


def signed(difference: float) -> str:
    """A difference of metrics to four significant digits, with its sign: "+0.012"."""
    return f"{difference:+.4g}".replace("-", "−")  # noqa: RUF001  # it is meant


def percent(share: float) -> str:
    """A change in percent, with its sign: "+3.4 %", "+0.08 %"."""
    digits = 1 if abs(share) >= 1 else 2
    text = f"{share:+.{digits}f}" if abs(share) < 1e6 else f"{share:+.2g}"
    return text.replace("-", "−") + " %"  # noqa: RUF001  # it is meant


def count(amount: int) -> str:
    """A count with its thousands apart."""
    return f"{amount:,}"


def size(size_bytes: int | None) -> str:
    """A file's size: "512 B", "3.4 MB"."""
    if size_bytes is None:
        return ""
    amount = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
