"""Values of the domain: frozen, JSON-able, standard library only, no I/O."""
