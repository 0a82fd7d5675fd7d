"""Every Redis key Tickover writes. Redis decides nothing: losing all of them loses no fact.

| key | type | lifetime | written by |
| --- | --- | --- | --- |
| `job:v1:{clientId}:{jobName}` | string, one JSON object | 24 h (`INNGEST_JOB_STATUS_TTL_SECONDS`) | the executor |
| `tickover:seal` | string, `kind:name` of its environment | for ever | production's first start, `tickover seal` |
"""

SEAL = "tickover:seal"
"""Which environment a Redis belongs to; no status is written into that of another one."""

GLOBAL = "global"


def job_status(client_id: str | None, function: str) -> str:
    """The key of a function's newest status.

    Args:
        client_id: the client a tick was narrowed to; None is `global`.
        function: the function's id, the job name of the key.
    """
    return f"job:v1:{client_id or GLOBAL}:{function}"
