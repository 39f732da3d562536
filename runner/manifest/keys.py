"""The keys of a project file, and what to say about one that is not known."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one kind of map. `aliases` are other tools' words for them, which people write by habit."""

    what: str
    known: tuple[str, ...]
    aliases: dict[str, str] = field(default_factory=dict)

    def meant(self, key: str) -> str | None:
        """The known key that an unknown one certainly is: ignoring it would change the meaning."""
        word = key.strip().lower().replace("-", "_")
        if word in self.aliases:
            return self.aliases[word]
        matches = difflib.get_close_matches(word, self.known, n=1, cutoff=0.75)
        return matches[0] if matches and matches[0] != "description" else None


PROJECT = Keys(
    "a project",
    ("name", "description", "python_env", "conda_env", "docker_env", "entry_points", "sweeps"),
    {"conda": "conda_env", "python": "python_env", "docker": "docker_env", "entrypoint": "entry_points"},
)
ENTRY_POINT = Keys(
    "an entry point",
    ("parameters", "command", "description"),
    {"params": "parameters", "param": "parameters", "args": "parameters", "cmd": "command"},
)
PARAMETER = Keys(
    "a parameter",
    ("type", "default", "description", "optional", "min", "max", "choices", "items", "flag"),
)
DOCKER = Keys("docker_env", ("image", "volumes", "environment"), {"env": "environment", "volume": "volumes"})
