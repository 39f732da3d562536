"""A process that performs the runs of a sweep. It outlives whoever asked for them: they are adopted later."""
