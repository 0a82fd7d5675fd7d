"""Which engine do the variables of a process lead to? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tickover.settings import dev_server, is_dev_mode

_CLOUD = "inngest.com"
_HERE = ("localhost", "::1")


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
        return (urlsplit(self.url).hostname or "") if self.url else _CLOUD

    @property
    def is_cloud(self) -> bool:
        """Whether it is Inngest Cloud."""
        return self.host == _CLOUD or self.host.endswith(f".{_CLOUD}") or self.host == "inn.gs"

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host in _HERE or self.host.startswith("127.")


def engine_of(variables: Mapping[str, str]) -> Engine:
    """The engine that is configured; variables that are malformed lead nowhere else than Inngest Cloud."""
    said = variables.get("INNGEST_DEV", "").strip() or None
    is_dev = is_dev_mode(said)
    url = variables.get("INNGEST_BASE_URL", "").strip().rstrip("/") or dev_server(said)
    return Engine(url or None, is_dev)
