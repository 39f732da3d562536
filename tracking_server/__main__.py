"""`python -m tracking_server`: run a server."""

from __future__ import annotations

import sys

from tracking_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
