"""The `runner` command, one file a command."""
