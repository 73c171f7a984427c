"""What a real mail server asks of those in front of it, and what the one behind it asks for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Terms:
    """Without a certificate (chain, key) there is no TLS; with one nothing goes without, if it is
    `required`. With a login (user, password) mail is taken only after AUTH."""
    certificate: tuple[Path, Path] | None = None
    login: tuple[str, str] | None = None
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    required: bool = True


@dataclass
class NextHop:
    """Everything goes there. With the file of an authority only under TLS, and to the right server,
    whose certificate is for gw.example; with a login only after AUTH."""
    port: int
    authority: Path | None = None
    login: tuple[str, str] | None = None
    mechanism: str = "PLAIN"
