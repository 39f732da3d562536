"""What is kept: tables, the writer, and one module per kind of thing."""
