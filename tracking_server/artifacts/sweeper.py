"""Removing what crashes left of uploads, now and then."""

from __future__ import annotations

import asyncio
import logging

from tracking_server.artifacts.places import Places

SWEEP_EVERY_S = 3600.0
"""How often is looked for what was left; it goes when it is a day old."""

_log = logging.getLogger("tracking_server")


async def keep_swept(places: Places, every_s: float = SWEEP_EVERY_S) -> None:
    """Sweep at once and then every `every_s`, until cancelled."""
    while True:
        removed = await asyncio.to_thread(places.sweep)
        if removed:
            _log.warning("Removed %d unfinished uploads that nobody had written to for a day", removed)
        await asyncio.sleep(every_s)
