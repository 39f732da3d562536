"""What an error of a database means: for the caller, and for whoever may try again.

Sources: SQLSTATE classes of PostgreSQL (its manual, appendix A), the error numbers of MySQL and MariaDB
(their server error references), SQLite's result codes.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from tracking_server.errors import InvalidParameter, Unavailable

_log = logging.getLogger("tracking_server")

_LOST_STATES = ("08", "57P", "53300", "25006")  # connections, shutdown and start, too many, now a standby
_LOST_NUMBERS = frozenset({1040, 1053, 1079, 1080, 1290, 1836, 1927, 2002, 2003, 2006, 2013, 2055, 4031})
_REFUSED = "FATAL:"
_NOT_YET = ("starting up", "shutting down", "recovery mode", "too many clients", "not yet accepting")
_DEADLOCKED_STATES = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock not available
_DEADLOCKED_NUMBERS = frozenset({1205, 1213, 1020})  # lock wait timeout, deadlock, record has changed
_TIMED_OUT_NUMBERS = frozenset({1317, 1969, 3024})
_TOO_LARGE = frozenset({"54000", "54001"})
# More in one statement than SQLite, libpq and MySQL take, which have no codes of their own for it.
_TOO_MANY = (
    "too many SQL variables",
    "number of parameters must be between",
    "parser stack overflow",
    "Expression tree is too large",
    "at most 64 tables in a join",
    "Too many tables; MySQL",
    "Too many tables; MariaDB",
)


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _number(error: DBAPIError) -> int | None:
    """MySQL's error number."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone or was never made, and another attempt may find the database."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    driver = type(error.orig).__module__.partition(".")[0]
    if driver == "sqlite3":
        # Seen after a full disk: the file is well, the open connection is not.
        return "disk I/O error" in str(error.orig)
    state = _state(error)
    if _has_too_many(error):
        return False
    if driver == "psycopg":
        if state:
            return state.startswith(_LOST_STATES)
        message = str(error.orig)
        refused = _REFUSED in message and not any(reason in message for reason in _NOT_YET)
        return isinstance(error, (OperationalError, InterfaceError)) and not refused
    number = _number(error)
    return number in _LOST_NUMBERS or (number == 0 and isinstance(error, InterfaceError))


def is_collision(error: BaseException) -> bool:
    """Whether a writer of another process stood in the way; the same work succeeds when done again."""
    if not isinstance(error, DBAPIError):
        return False
    return _state(error) in _DEADLOCKED_STATES or _number(error) in _DEADLOCKED_NUMBERS


def as_server_error(error: Exception) -> Exception:
    """`error` as the caller should see it.

    A database that cannot serve now becomes Unavailable; a value that it cannot hold, InvalidParameter.
    """
    if isinstance(error, (OverflowError, UnicodeEncodeError, DataError)):
        return InvalidParameter("A value of the request is one that the database cannot hold.")
    if not isinstance(error, DBAPIError):
        return error
    if _has_too_many(error):
        return InvalidParameter("The request names more things than one question may. Ask in several.")
    if _state(error) in _TOO_LARGE:
        return InvalidParameter("A value of the request is longer than the database can index.")
    reason = str(error.orig).strip()
    if is_lost(error) and type(error.orig).__module__.partition(".")[0] != "sqlite3":
        # Host names and users are for the log, not for callers.
        _log.warning("The database cannot be reached: %s", reason)
        return Unavailable("The database cannot be reached now. Send the request again later.")
    if _timed_out(error):
        return Unavailable("The database took too long for this request. Ask for less, or again later.")
    if is_collision(error):
        return Unavailable("Other writers were in the way of this request. Send it again.")
    if isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated:
        return Unavailable(f"The database cannot take the request now: {reason}. Send it again later.")
    return error


def _has_too_many(error: DBAPIError) -> bool:
    return any(words in str(error.orig) for words in _TOO_MANY)


def _timed_out(error: DBAPIError) -> bool:
    return (
        _state(error) == "57014" or _number(error) in _TIMED_OUT_NUMBERS or str(error.orig) == "interrupted"
    )
