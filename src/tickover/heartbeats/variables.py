"""Which variables name the heartbeats of a contract's routes. Pure: the environment is passed in."""

from collections.abc import Mapping

from tickover.contract import Contract
from tickover.errors import SettingsError
from tickover.heartbeats.formats import Heartbeat, parse_heartbeat


def heartbeat_name(flag: str) -> str:
    """The variable of a route's ping URL: `BACKGROUND_JOBS_HEARTBEAT_URL` for `BACKGROUND_JOBS_USE_INNGEST`."""
    return f"{flag.removesuffix('_USE_INNGEST')}_HEARTBEAT_URL"


def read_heartbeats(contract: Contract, environ: Mapping[str, str]) -> dict[str, Heartbeat]:
    """Where the runs of each route are reported to; routes whose variable is unset or blank are left out.

    Args:
        contract: whose routes.
        environ: variables by name.

    Raises:
        SettingsError: at least one is malformed; the text names every one, and shows none.
    """
    heartbeats: dict[str, Heartbeat] = {}
    faults: dict[str, str] = {}
    for route in contract.routes:
        name = heartbeat_name(route.flag)
        url = environ.get(name, "").strip()
        if not url:
            continue
        try:
            heartbeats[route.id] = parse_heartbeat(name, url)
        except SettingsError as error:
            faults[name] = str(error)
    if faults:
        raise SettingsError("; ".join(faults.values()))
    return heartbeats
