"""Which engine do the variables of a process lead to? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tickover.variables import dev_server, is_dev_mode, is_loopback

_CLOUD = "inngest.com"
_EVENTS = "inn.gs"


@dataclass(frozen=True, slots=True)
class Engine:
    """Where an engine is.

    Args:
        url: its URL; None for Inngest Cloud.
        is_dev: whether it is talked to as to a dev server: nothing is signed.
    """

    url: str | None
    is_dev: bool

    @property
    def host(self) -> str:
        """The name or address it is reached at."""
        return host_of(self.url) if self.url else _CLOUD

    @property
    def is_cloud(self) -> bool:
        """Whether it is Inngest Cloud."""
        return any(self.host == name or self.host.endswith(f".{name}") for name in (_CLOUD, _EVENTS))

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return is_loopback(self.host)


def host_of(url: str) -> str:
    """The name or address that a URL leads to; empty where it is no URL."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def leads_here(url: str) -> bool:
    """Whether a URL leads to this machine itself."""
    return is_loopback(host_of(url))


def engine_of(variables: Mapping[str, str]) -> Engine:
    """The engine that is configured; variables that are malformed lead nowhere else than Inngest Cloud."""
    said = variables.get("INNGEST_DEV", "").strip() or None
    is_dev = is_dev_mode(said)
    url = variables.get("INNGEST_BASE_URL", "").strip().rstrip("/") or dev_server(said)
    return Engine(url or None, is_dev)
