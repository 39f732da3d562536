"""Files that must never leave the user's machine by our doing, told by name and by content."""

from __future__ import annotations

import fnmatch
import re

_NAMES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf"),
    *(".git-credentials", ".htpasswd", ".dockercfg", ".s3cfg", ".boto", ".vault-token", ".databrickscfg"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.ppk"),
    *("*.cer", "*.crt", "*.der", "*.csr", "*.jks", "*.keystore", "*.truststore", "*.kdbx", "*.gpg", "*.asc"),
    *("*credentials*.json", "client_secret*.json", "*service*account*.json", "kubeconfig", "*.kubeconfig"),
    *("credentials", "*credentials*.toml", "*credentials*.y*ml", "secrets.toml", "secrets.y*ml", "*.ovpn"),
    *(
        "*.token",
        "*.db.server",
    ),  # the second is where a tracking server says how it is reached, token and all
)
_NAME = re.compile("|".join(fnmatch.translate(name) for name in _NAMES), re.IGNORECASE)
_FOLDERS = frozenset((".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker"))
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-[0-9]")
_KEY_IN_JSON = re.compile(rb'"private_key"\s*:')


def is_secret_name(path: str) -> bool:
    """Whether the file at `path` (with `/`) is by its name a key, a certificate or holds credentials."""
    *folders, name = path.split("/")
    return _NAME.fullmatch(name) is not None or not _FOLDERS.isdisjoint(folders)


def holds_secret(content: bytes, path: str) -> bool:
    """Whether `content` holds a private key, or is a service account's JSON."""
    if _PRIVATE_KEY.search(content) is not None:
        return True
    return path.lower().endswith(".json") and _KEY_IN_JSON.search(content) is not None
