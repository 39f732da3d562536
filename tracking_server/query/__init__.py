"""The filter language: text to tree. Pure: no database, no I/O."""
