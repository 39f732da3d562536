"""Calls of a store that is elsewhere: each with a deadline, each failure told in words that hold no secrets.

The libraries of the fsspec family are asynchronous and share one event loop in a thread of its own; what
calls them is a plain thread. Their own messages name request URLs, which may carry signatures: of an error,
only its class and the store's code for it are told.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from tracking_server.errors import ServerError, Unavailable

T = TypeVar("T")

FINISH_PATIENCE = 4
"""How many deadlines it may take to put an object of many parts together, or to delete many objects."""

_HARMLESS_CODE = re.compile(r"[\w.\-]{1,80}")
_log = logging.getLogger("tracking_server")


class NotThere(Exception):
    """The store has no such object, bucket or upload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How one store is called. `where` names it in messages. Thread-safe."""

    where: str
    deadline_s: float

    def run(self, work: Coroutine[Any, Any, T], *, patience: int = 1) -> T:
        """The result of `work`, which gets `patience` deadlines of time.

        Raises NotThere, ServerError as `work` raises them, Unavailable for every other failure.
        """
        from fsspec.asyn import get_loop

        limit_s = self.deadline_s * patience
        future = asyncio.run_coroutine_threadsafe(work, get_loop())
        try:
            # Waited for here and not on the loop: credentials are sometimes fetched by code that blocks it.
            return future.result(limit_s)
        except (NotThere, ServerError):
            raise
        except (concurrent.futures.TimeoutError, TimeoutError, asyncio.TimeoutError):
            future.cancel()
            raise Unavailable(f"The artifact store {self.where} gave no answer for {limit_s:g} s.") from None
        except FileNotFoundError as error:
            raise NotThere from error
        except Exception as error:  # noqa: BLE001  # five libraries' errors, which have no common ancestor
            reason = reason_of(error)
            _log.warning("The artifact store %s failed: %s", self.where, reason)
            raise Unavailable(
                f"The artifact store {self.where} did not do what was asked: {reason}."
            ) from None


def reason_of(error: BaseException) -> str:
    """Why a call failed: the store's own code where it sent one, else what kind of error it is."""
    cause: BaseException | None = error
    while cause is not None:
        code = _code_of(cause)
        if code is not None:
            return code
        cause = cause.__cause__
    return type(error).__name__


def _code_of(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        code = response.get("Error", {}).get("Code")
    else:  # azure.core, gcsfs
        code = getattr(error, "error_code", None) or getattr(error, "code", None)
        code = code or getattr(error, "status_code", None)
    code = getattr(code, "value", code)
    if code is None and isinstance(error, OSError) and str(error).startswith("Forbidden:"):  # gcsfs
        return "Forbidden"
    if isinstance(code, (str, int)) and _HARMLESS_CODE.fullmatch(str(code)):
        return str(code)
    return None
