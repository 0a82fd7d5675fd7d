"""The home of every SQL statement: one file each, named by its verb, loaded by the store that runs it."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str, package: str = "tickover.sql") -> bytes:
    """The text of one statement.

    Args:
        name: its path below the package, without the ending: `ledger/claim_obligation`.
        package: the package that holds it; applications keep theirs beside their code.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return files(package).joinpath(f"{name}.sql").read_bytes()
