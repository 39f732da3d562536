"""Project files: finding, loading, checking and describing them."""
