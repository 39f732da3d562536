"""Executed by an environment's own Python (3.6 or later), by path: prints what it holds as JSON."""
# This file runs on interpreters that are older than ours, so it uses nothing new.

import json
import os
import sys
import sysconfig
from typing import Any, Dict, List  # noqa: UP035  # Python 3.8


def field(lines: List[str], name: str) -> str:  # noqa: UP006
    """The value of a header of a METADATA file."""
    for line in lines:
        if line.lower().startswith(name + ":"):
            return line.split(":", 1)[1].strip()
    return ""


def read(path: str) -> str:
    """The text of a file, or an empty one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def packages() -> List[List[Any]]:  # noqa: UP006
    """Name, version and PEP 610 origin (or None) of every installed distribution."""
    found: Dict[str, List[Any]] = {}  # noqa: UP006
    paths = sysconfig.get_paths()
    for directory in sorted({paths["purelib"], paths["platlib"]}):
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            file = "METADATA" if name.endswith(".dist-info") else "PKG-INFO"
            lines = read(os.path.join(directory, name, file)).split("\n\n")[0].splitlines()
            origin = read(os.path.join(directory, name, "direct_url.json"))
            package = field(lines, "name")
            if package:
                found[package] = [package, field(lines, "version"), json.loads(origin) if origin else None]
    return [found[name] for name in sorted(found, key=lambda name: name.lower())]


if __name__ == "__main__":
    version = ".".join(str(number) for number in sys.version_info[:3])
    print(json.dumps({"prefix": sys.prefix, "version": version, "packages": packages()}))
