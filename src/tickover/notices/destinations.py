"""Where notices go: Apprise's services, each behind one URL, which is a secret."""

import logging
from collections import Counter
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from tickover.errors import SettingsError
from tickover.isolation.redaction import redact
from tickover.notices.text import Message
from tickover.notices.urls import split_urls

if TYPE_CHECKING:
    from apprise import Apprise

_LOGGERS = ("apprise", "urllib3.connectionpool")
_SHOWN = 300  # characters of an error


class Destination:
    """One service that takes messages.

    Args:
        name: what it is known by; holds no secret.
        service: what sends to it.
        secrets: what is taken out of its errors.
    """

    def __init__(self, name: str, service: "Apprise", secrets: Mapping[str, str]) -> None:
        self.name = name
        self._service = service
        self._secrets = secrets

    async def send(self, message: Message, within_s: float) -> str | None:
        """Send a message; how it failed, or None. Never raises.

        Args:
            message: what.
            within_s: seconds it may take. What is slower may have arrived all the same.
        """
        kind = "success" if message.is_good else "warning"
        try:
            result = await self._service.async_notify(
                body=message.body, title=message.title, notify_type=kind, body_format="text", timeout=within_s
            )
            with result:
                if result:
                    return None
                said = [entry.message for entry in result.logs()]
                if result.timeout_count:
                    said.append(f"no answer within {within_s:g} s")
        except Exception as error:  # noqa: BLE001 - the end of a send: a service's fault is its own
            said = [f"{type(error).__name__}: {error}"]
        text = "; ".join(dict.fromkeys(said)) or "the service did not take it"
        return redact(" ".join(text.split()), self._secrets)[:_SHOWN]


def make_destinations(value: str | None, secrets: Mapping[str, str]) -> list[Destination]:
    """The services that are configured, in order.

    Args:
        value: of `TICKOVER_NOTICES`; None where it is not set.
        secrets: of the process, with the names of their variables.

    Raises:
        SettingsError: the extra is missing, or a URL is none that Apprise knows; it is named by its place, not shown.
    """
    if value is None:
        return []
    apprise = _library()
    _quieten(secrets)
    destinations, count = [], Counter[str]()
    faults = []
    asset = apprise.AppriseAsset(app_id="Tickover", app_desc="Tickover", storage_mode="memory")
    for number, url in enumerate(split_urls(value), 1):
        service = apprise.Apprise(asset=asset)
        if not service.add(url):
            faults.append(number)
            continue
        scheme = url.partition("://")[0].lower()
        count[scheme] += 1
        destinations.append(Destination(f"{scheme}#{count[scheme]}", service, secrets))
    if faults:
        which = ", ".join(map(str, faults))
        raise SettingsError(
            f"TICKOVER_NOTICES: URL {which} of {len(destinations) + len(faults)} is none that Apprise can use; compare "
            "it with https://github.com/caronc/apprise/wiki, and percent-encode what has a meaning in URLs"
        )
    return destinations


def _library() -> ModuleType:
    try:
        import apprise  # noqa: PLC0415 - slow to import, and needed by those only who have notices sent
    except ModuleNotFoundError:
        raise SettingsError(
            "TICKOVER_NOTICES is set, and apprise is missing: pip install 'tickover[notices]'"
        ) from None
    return apprise


class _Redacting(logging.Filter):
    """Takes the secrets out of what libraries log about the URLs that they were given."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """The record, without them."""
        record.msg, record.args = redact(record.getMessage(), self._secrets), ()
        record.exc_info = record.exc_text = None
        return True


def _quieten(secrets: Mapping[str, str]) -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for old in [found for found in logger.filters if isinstance(found, _Redacting)]:
            logger.removeFilter(old)
        logger.addFilter(_Redacting(secrets))
