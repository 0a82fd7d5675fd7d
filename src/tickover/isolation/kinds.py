"""The kinds of environments. Pure."""

from enum import StrEnum


class Kind(StrEnum):
    """What an environment is, and so what it may do."""

    PRODUCTION = "production"
    PREVIEW = "preview"
    DEVELOPMENT = "development"
    TEST = "test"
