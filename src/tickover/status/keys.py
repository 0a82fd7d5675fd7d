"""Every Redis key Tickover writes. Redis decides nothing: losing all of them loses no fact.

| key | type | lifetime | written by |
| --- | --- | --- | --- |
| `job:v1:{clientId}:{jobName}` | string, one JSON object | 24 h (`INNGEST_JOB_STATUS_TTL_SECONDS`) | the executor |
"""

GLOBAL = "global"


def job_status(client_id: str | None, function: str) -> str:
    """The key of a function's newest status.

    Args:
        client_id: the client a tick was narrowed to; None is `global`.
        function: the function's id, the job name of the key.
    """
    return f"job:v1:{client_id or GLOBAL}:{function}"
