"""What a program logged and did not live to send: its journal is shipped before its run is closed."""

from __future__ import annotations

import time

from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError
from tracking_client.journal.syncing import is_left_behind, sync_left_behind
from tracking_client.journal_folder import journal_folders


def send_what_was_left_behind(client: TrackingClient, within_s: float) -> bool:
    """Ships the journals of dead processes that logged to where `client` goes. Never raises.

    Returns whether nothing of dead processes is left, as far as this machine can tell.
    """
    until_s = time.monotonic() + within_s
    is_all_sent = True
    for folder in journal_folders():
        try:
            is_all_sent &= sync_left_behind(
                folder, client.transport, client.transport.target_uri, until_s=until_s
            )
        except FileNotFoundError:
            continue  # nobody logged there
        except (TrackingError, OSError):
            is_all_sent = False
    return is_all_sent


def is_run_left_behind(client: TrackingClient, run_id: str) -> bool:
    """Whether some of what dead programs logged to this run is still on this machine only. Raises OSError."""
    uri = client.transport.target_uri
    return any(is_left_behind(folder, uri, run_id) for folder in journal_folders() if folder.exists())
