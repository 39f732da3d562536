"""The wire: requests decoded, replies encoded, one module per group of endpoints."""
