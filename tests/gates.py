"""A gate that lets everything through, for parts that are tried without an environment."""

from tickover.isolation.environment import Environment
from tickover.isolation.kinds import Kind
from tickover.isolation.verdict import Verdict


class OpenGate:
    """Lets everything through."""

    async def require(self) -> Verdict:
        """A verdict without a contradiction."""
        return Verdict(Environment(Kind.TEST, "test", "a test"), "test", None, ())
