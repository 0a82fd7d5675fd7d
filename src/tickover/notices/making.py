"""From settings to the parts that keep and deliver notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tickover.database import Database
from tickover.notices.courier import Courier
from tickover.notices.destinations import make_destinations
from tickover.notices.store import NoticeStore
from tickover.notices.timing import Timing, parse_quiet_hours
from tickover.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What notices are kept and delivered with."""

    store: NoticeStore
    courier: Courier
    timing: Timing


def make_parts(database: Database, settings: Settings, place: str, secrets: Mapping[str, str]) -> Parts:
    """The parts, as configured.

    Args:
        database: where notices stand.
        settings: where they go, and when.
        place: which application and environment this is, in words.
        secrets: of the process, with the names of their variables.

    Raises:
        SettingsError: `TICKOVER_NOTICES` names what nothing can be sent to.
    """
    timing = Timing(
        timedelta(seconds=settings.notices_confirm),
        timedelta(seconds=settings.notices_away),
        settings.notices_hourly,
        None if settings.quiet_hours is None else parse_quiet_hours(settings.quiet_hours),
    )
    store = NoticeStore(database)
    urls = None if settings.notices is None else settings.notices.get_secret_value()
    courier = Courier(store, make_destinations(urls, secrets), timing, place, settings.dashboard_url)
    return Parts(store, courier, timing)
