"""How a local engine is to run."""

from dataclasses import dataclass

from tickover.errors import SettingsError
from tickover.variables import is_loopback

_SHORTEST_KEEP = 24  # hours: an event that is stored is known when its send is tried again


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a local engine is to run.

    Args:
        dsn: PostgreSQL connection URI; the engine keeps a schema of its own there.
        host: what to listen on.
        port: where.
        event_keys: what senders must name; any key will do where there is none.
        signing_key: what calls and answers are signed with; nothing is checked where it is None, as by a dev server.
        app_urls: endpoints of the applications to sync.
        poll_interval: seconds between syncs.
        retry_interval: seconds between attempts instead of the real delays; None for those.
        call_timeout: seconds a call may take.
        concurrency: calls that are made at a time.
        keep_hours: how long events, and runs that have ended, are kept.
        keep_runs: how many ended runs are kept at most.
        lease: seconds after which the calls of an engine that died are made again.
        allow_remote: listen beyond loopback.

    Raises:
        SettingsError: they cannot be.
    """

    dsn: str
    host: str = "127.0.0.1"
    port: int = 8288
    event_keys: tuple[str, ...] = ()
    signing_key: str | None = None
    app_urls: tuple[str, ...] = ()
    poll_interval: float = 5.0
    retry_interval: float | None = None
    call_timeout: float = 300.0
    concurrency: int = 50
    keep_hours: float = 72.0
    keep_runs: int = 1_000_000
    lease: float = 10.0
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if not self.allow_remote and not is_loopback(self.host):
            raise SettingsError(
                f"the local engine listens on loopback only, not on {self.host!r}; it is no server for a network"
            )
        if bool(self.event_keys) != (self.signing_key is not None):
            raise SettingsError(
                "give both an event key and a signing key, as to `inngest start`; or neither, for a dev server"
            )
        if self.keep_hours < _SHORTEST_KEEP or self.keep_runs < 1:
            raise SettingsError(f"an engine keeps what it did for at least {_SHORTEST_KEEP} h, and at least one run")
        keys = (*self.event_keys, *(() if self.signing_key is None else (self.signing_key,)))
        if any(not key or key != key.strip() for key in keys):
            raise SettingsError("a key is empty, or begins or ends in white space; nothing it signs would be believed")
        for url in self.app_urls:
            if not url.startswith(("http://", "https://")):
                raise SettingsError(f"an application's URL begins with http:// or https://, not {url!r}")

    @property
    def server_kind(self) -> str:
        """What it says it is: `cloud` with keys, `dev` without."""
        return "dev" if self.signing_key is None else "cloud"
