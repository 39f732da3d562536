"""Where the artifacts of a run are kept, and how files get there and back: whole or not at all.

`places` finds the root that serves a URI, `root` is what every root can do, `transfers` moves many files.
"""
