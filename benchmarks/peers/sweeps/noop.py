"""Does nothing. A sweep's first trial alone logs an objective: one whose first trials fail alike ends."""

import sys

if float(sys.argv[-1]) == 1:
    import tracking_client

    tracking_client.log_metric("loss", 1.0)
