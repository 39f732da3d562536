"""Where runs are performed."""
