"""The `sweeps` section of a project file -> checked sweeps, and back."""
