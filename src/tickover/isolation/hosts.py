"""What hosts tell a process about its environment, in variables of their own. Pure.

Rules: each host's documentation of its variables (Vercel, System environment variables; Render, Default environment
variables; Railway, Variables reference; Fly.io, The Machine runtime environment; Heroku, Review apps and Dyno metadata;
Netlify, Read-only build variables; Cloud Run, Container runtime contract; GitHub Actions, Default environment
variables).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tickover.isolation.kinds import Kind

_REVIEW = re.compile(r"(^|-)pr-\d+(-|$)")  # how review apps of Fly and pull-request environments of Railway are named
_ON = {"1", "true"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a host tells.

    Args:
        host: which.
        kind: of the environment; None where the host does not tell it.
        source: the variable, in words.
        name: of the environment, where it has one beside its branch.
        branch: of the commit.
        origin: the URL at which this environment is served.
        production_origin: the URL at which production is served.
        limit_s: seconds a request may take.
        is_firm: whether nobody can mean this environment to be production.
    """

    host: str
    kind: Kind | None
    source: str
    name: str | None = None
    branch: str | None = None
    origin: str | None = None
    production_origin: str | None = None
    limit_s: float | None = None
    is_firm: bool = False


Variables = Mapping[str, str]


def ask_hosts(variables: Variables) -> list[Told]:
    """What each host tells whose variables are there; a runner of tests counts only where there is no other.

    Args:
        variables: of the process, trimmed, without blank ones.
    """
    told = [answer for host in _HOSTS if (answer := host(variables)) is not None]
    speaking = [answer for answer in told if answer.kind is not None]
    runner = _runner(variables)
    if runner is not None and not speaking:
        return [runner, *told]
    return [*speaking, *(answer for answer in told if answer.kind is None)]


def _vercel(v: Variables) -> Told | None:
    said = v.get("VERCEL_ENV", "").lower()
    if not said and "VERCEL" not in v:
        return None
    kinds = {"production": Kind.PRODUCTION, "preview": Kind.PREVIEW, "development": Kind.DEVELOPMENT}
    kind, target = kinds.get(said), v.get("VERCEL_TARGET_ENV", said)
    production = _https(v.get("VERCEL_PROJECT_PRODUCTION_URL"))
    own = _https(v.get("VERCEL_BRANCH_URL") or v.get("VERCEL_URL"))
    branch = v.get("VERCEL_GIT_COMMIT_REF")
    return Told(
        "vercel",
        kind,
        "VERCEL_ENV",
        target if target != said else None,
        branch,
        production if kind is Kind.PRODUCTION else own,
        production,
        300.0,
        is_firm=kind is Kind.PREVIEW and target == said,
    )


def _netlify(v: Variables) -> Told | None:
    if "NETLIFY" not in v:
        return None
    kinds = {
        "production": Kind.PRODUCTION,
        "deploy-preview": Kind.PREVIEW,
        "branch-deploy": Kind.PREVIEW,
        "preview-server": Kind.PREVIEW,
        "dev": Kind.DEVELOPMENT,
    }
    kind = kinds.get(v.get("CONTEXT", "").lower())
    branch = v.get("HEAD") or v.get("BRANCH")
    own = v.get("URL") if kind is Kind.PRODUCTION else v.get("DEPLOY_PRIME_URL")
    return Told(
        "netlify", kind, "CONTEXT", None, branch, _https(own), _https(v.get("URL")), is_firm=kind is Kind.PREVIEW
    )


def _render(v: Variables) -> Told | None:
    if "RENDER" not in v:
        return None
    is_preview = v.get("IS_PULL_REQUEST", "").lower() in _ON
    kind = Kind.PREVIEW if is_preview else None  # it says `false` in production and in staging alike
    origin = _https(v.get("RENDER_EXTERNAL_URL"))
    branch = v.get("RENDER_GIT_BRANCH")
    return Told("render", kind, "IS_PULL_REQUEST", None, branch, origin, is_firm=is_preview)


def _railway(v: Variables) -> Told | None:
    name = v.get("RAILWAY_ENVIRONMENT_NAME") or v.get("RAILWAY_ENVIRONMENT")
    if name is None:
        return None
    kind = Kind.PRODUCTION if name.lower() == "production" else Kind.PREVIEW
    origin = _https(v.get("RAILWAY_PUBLIC_DOMAIN"))
    branch = v.get("RAILWAY_GIT_BRANCH")
    is_firm = _REVIEW.search(name) is not None
    return Told("railway", kind, "RAILWAY_ENVIRONMENT_NAME", name, branch, origin, is_firm=is_firm)


def _fly(v: Variables) -> Told | None:
    name = v.get("FLY_APP_NAME")
    if name is None:
        return None
    is_review = _REVIEW.search(name) is not None
    kind = Kind.PREVIEW if is_review else None
    return Told("fly", kind, "FLY_APP_NAME", name, origin=f"https://{name}.fly.dev", is_firm=is_review)


def _heroku(v: Variables) -> Told | None:
    if "DYNO" not in v:
        return None
    # A review app that was made by hand has its branch only; older ones have their parent instead.
    marks = ("HEROKU_TEST_RUN_ID", "HEROKU_PR_NUMBER", "HEROKU_BRANCH", "HEROKU_PARENT_APP_NAME")
    source = next((mark for mark in marks if mark in v), None)
    kind = None if source is None else Kind.TEST if source == "HEROKU_TEST_RUN_ID" else Kind.PREVIEW
    branch, name = v.get("HEROKU_TEST_RUN_BRANCH") or v.get("HEROKU_BRANCH"), v.get("HEROKU_APP_NAME")
    origin = _https(v.get("HEROKU_APP_DEFAULT_DOMAIN_NAME"))
    name = None if branch else name
    return Told("heroku", kind, source or "DYNO", name, branch, origin, None, 30.0, is_firm=kind is not None)


def _cloud_run(v: Variables) -> Told | None:
    is_service, is_job = "K_SERVICE" in v and "K_REVISION" in v, "CLOUD_RUN_JOB" in v
    if not is_service and not is_job:
        return None
    return Told(
        "cloud run", None, "K_SERVICE" if is_service else "CLOUD_RUN_JOB", limit_s=300.0 if is_service else None
    )


def _kubernetes(v: Variables) -> Told | None:
    return Told("kubernetes", None, "KUBERNETES_SERVICE_HOST") if "KUBERNETES_SERVICE_HOST" in v else None


_HOSTS: tuple[Callable[[Variables], Told | None], ...] = (
    _vercel, _netlify, _render, _railway, _fly, _heroku, _cloud_run, _kubernetes
)  # fmt: skip


def _runner(v: Variables) -> Told | None:
    if v.get("GITHUB_ACTIONS", "").lower() in _ON:
        branch = v.get("GITHUB_HEAD_REF") or v.get("GITHUB_REF_NAME")
        return Told("github actions", Kind.TEST, "GITHUB_ACTIONS", branch=branch)
    return Told("ci", Kind.TEST, "CI") if v.get("CI", "").lower() in _ON else None


def _https(host: str | None) -> str | None:
    if host is None:
        return None
    return (host if "://" in host else f"https://{host}").rstrip("/")
