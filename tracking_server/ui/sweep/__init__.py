"""The page of a sweep: a run that others are nested under."""
