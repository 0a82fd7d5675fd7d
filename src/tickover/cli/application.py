"""Which application does a command look into?"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tickover.errors import EnvironmentStateError
from tickover.settings import NO_DATABASE, Settings, environment, left_out
from tickover.variables import flag_faults

if TYPE_CHECKING:
    from tickover.app import Tickover
    from tickover.contract import Contract

AppOption = Annotated[
    str | None,
    typer.Option("--app", envvar="TICKOVER_APP", help="The application's Tickover object, as `module:attribute`."),
]


def load_contract(name: str) -> Contract:
    """The application's contract, wherever this runs: variables that are missing or malformed here do not matter.

    Args:
        name: `module:attribute`, importable from the current directory.

    Raises:
        EnvironmentStateError: it is not there; says what to write.
    """
    with left_out(Settings.faults() | flag_faults(environment()), NO_DATABASE):
        return load_application(name).contract


def load_application(name: str | None) -> Tickover:
    """The application's `Tickover` object.

    Args:
        name: `module:attribute`, importable from the current directory.

    Raises:
        EnvironmentStateError: none is named, or it is not there; says what to write.
    """
    if not name or not name.strip():
        raise EnvironmentStateError(
            "name the application's Tickover object: --app module:attribute, or TICKOVER_APP=module:attribute"
        )
    from tickover.app import Tickover  # noqa: PLC0415 - slow to import, and few commands need it

    module_name, _, attribute = name.strip().partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as entries of sys.path are
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        found = getattr(importlib.import_module(module_name), attribute or "tickover")
    except (ModuleNotFoundError, AttributeError) as error:
        raise EnvironmentStateError(f"{name!r} cannot be had: {error}; write it as module:attribute") from error
    if not isinstance(found, Tickover):
        raise EnvironmentStateError(f"{name!r} is a {type(found).__name__}; name the object that Tickover(…) made")
    return found
