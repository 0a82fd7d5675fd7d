"""What a process is, what it is called at its engine, and what it may do: one table of environments."""
# ruff: noqa: E501 - each row of the table is one line

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tickover.isolation.environment import resolve
from tickover.isolation.keys import fingerprint
from tickover.isolation.seal import UNKNOWN, Seal, Store
from tickover.isolation.verdict import Facts, Verdict, judge

FREE, WITHHELD, REFUSED = "free", "withheld", "refused"

EVENT, SIGNING, OTHER = "an-event-key-of-the-tests", "0a1b" * 16, "2c3d" * 16
PROD = f"signkey-prod-{SIGNING}"
TEST, BRANCH = f"signkey-test-{OTHER}", f"signkey-branch-{OTHER}"
KNOWN = {"TICKOVER_PRODUCTION_KEYS": f"{fingerprint('the-event-key-of-production')},{fingerprint(PROD)}"}
PRODUCTION_KEYS = {"INNGEST_EVENT_KEY": "the-event-key-of-production", "INNGEST_SIGNING_KEY": PROD}
PREVIEW_KEYS = {"INNGEST_EVENT_KEY": EVENT, "INNGEST_SIGNING_KEY": BRANCH, **KNOWN}
TEST_KEYS = {"INNGEST_EVENT_KEY": EVENT, "INNGEST_SIGNING_KEY": TEST, **KNOWN}
UNPROVEN = {"INNGEST_EVENT_KEY": EVENT, "INNGEST_SIGNING_KEY": BRANCH}

VERCEL = {
    "VERCEL": "1", "VERCEL_PROJECT_PRODUCTION_URL": "app.example", "VERCEL_URL": "app-1.vercel.app",
    "VERCEL_GIT_COMMIT_REF": "main", "VERCEL_ENV": "production", "VERCEL_TARGET_ENV": "production",
}  # fmt: skip
VERCEL_PREVIEW = VERCEL | {
    "VERCEL_ENV": "preview", "VERCEL_TARGET_ENV": "preview", "VERCEL_GIT_COMMIT_REF": "fix",
    "VERCEL_BRANCH_URL": "app-git-fix.vercel.app",
}  # fmt: skip
VERCEL_STAGING = VERCEL_PREVIEW | {"VERCEL_TARGET_ENV": "staging", "VERCEL_GIT_COMMIT_REF": "main"}
VERCEL_DEV = VERCEL | {"VERCEL_ENV": "development", "VERCEL_TARGET_ENV": "development", "VERCEL_URL": ""}
NETLIFY = {"NETLIFY": "true", "CONTEXT": "production", "URL": "https://app.example", "BRANCH": "main", "HEAD": "main"}
NETLIFY_PREVIEW = NETLIFY | {
    "CONTEXT": "deploy-preview", "BRANCH": "pull/7/head", "HEAD": "fix", "DEPLOY_PRIME_URL": "https://p7--app.example",
}  # fmt: skip
RENDER = {
    "RENDER": "true", "IS_PULL_REQUEST": "false", "RENDER_GIT_BRANCH": "main",
    "RENDER_EXTERNAL_URL": "https://app.onrender.com",
}  # fmt: skip
RENDER_PREVIEW = RENDER | {
    "IS_PULL_REQUEST": "true", "RENDER_GIT_BRANCH": "fix", "RENDER_EXTERNAL_URL": "https://app-pr-7.onrender.com",
}  # fmt: skip
RAILWAY = {
    "RAILWAY_ENVIRONMENT_NAME": "production", "RAILWAY_GIT_BRANCH": "main", "RAILWAY_PUBLIC_DOMAIN": "app.up.railway.app",
}  # fmt: skip
RAILWAY_STAGING = RAILWAY | {"RAILWAY_ENVIRONMENT_NAME": "staging", "RAILWAY_GIT_BRANCH": "develop"}
RAILWAY_PR = RAILWAY | {"RAILWAY_ENVIRONMENT_NAME": "app-pr-7", "RAILWAY_GIT_BRANCH": "fix"}
FLY, FLY_REVIEW, FLY_NAMED = ({"FLY_APP_NAME": name} for name in ("app", "pr-7-org-app", "app-pr-7"))
HEROKU = {"DYNO": "web.1", "HEROKU_APP_NAME": "app", "HEROKU_APP_DEFAULT_DOMAIN_NAME": "app-1.herokuapp.com"}
HEROKU_REVIEW = HEROKU | {"HEROKU_PR_NUMBER": "7", "HEROKU_BRANCH": "fix"}
HEROKU_BY_HAND = HEROKU | {"HEROKU_BRANCH": "fix"}
HEROKU_OLD = HEROKU | {"HEROKU_PARENT_APP_NAME": "parent"}
HEROKU_CI = HEROKU | {"HEROKU_TEST_RUN_ID": "1", "HEROKU_TEST_RUN_BRANCH": "fix", "CI": "true"}
CLOUD_RUN = {"K_SERVICE": "app", "K_REVISION": "app-00007"}
KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
ACTIONS = {"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_HEAD_REF": "fix", "GITHUB_REF_NAME": "7/merge"}
DEV = {"INNGEST_DEV": "1"}
OWN = {"INNGEST_BASE_URL": "https://engine.example"}
HERE = {"INNGEST_BASE_URL": "http://127.0.0.1:8288"}
IN_CLOUD = {"INNGEST_ENV": "ours"}

NONE_YET, UNREADY = Store(identity="1/2"), Store(is_ready=False)
OF_PRODUCTION = Store(Seal("production", "production", "1/2"), "1/2")
OF_FIX = Store(Seal("preview", "fix", "1/2"), "1/2")
COPY = Store(Seal("production", "production", "1/2"), "1/3")
REDIS_OF_PRODUCTION, REDIS_OF_FIX = Store(Seal("production", "production")), Store(Seal("preview", "fix"))


def tickover(environment: str) -> dict[str, str]:
    """`TICKOVER_ENV`, alone."""
    return {"TICKOVER_ENV": environment}


@dataclass(frozen=True)
class Row:
    """An environment, and what follows: `kind/name`, `x-inngest-env`, the serve origin, what it may do, all codes."""

    id: str
    variables: Mapping[str, str]
    environment: str
    reported: str
    origin: str | None
    may: str
    codes: str = ""
    database: Store = UNKNOWN
    redis: Store = UNKNOWN


APP, FIX = "https://app.example", "https://app-git-fix.vercel.app"
RENDERED, RAILED = "https://app.onrender.com", "https://app.up.railway.app"
PRODUCTION = "production/production"
DEVELOPMENT = "development/development"
BY_NAME, FOREIGN_KEY = "cloud-by-name-only", "key-of-another-environment"
SAYS = tickover("production") | PRODUCTION_KEYS  # production by its own word

ROWS = [
    # Hosts, with the keys that are right for each.
    Row("vercel-production", VERCEL | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    Row("vercel-preview", VERCEL_PREVIEW | PREVIEW_KEYS, "preview/fix", "fix", FIX, FREE),
    Row("vercel-preview-without-keys", VERCEL_PREVIEW, "preview/fix", "fix", FIX, FREE),
    Row("vercel-custom", VERCEL_STAGING | TEST_KEYS, "preview/staging", "main", FIX, FREE),
    Row("vercel-dev", VERCEL_DEV | DEV, DEVELOPMENT, "main", None, FREE),
    Row("vercel-without-its-variables", {"VERCEL": "1"} | PREVIEW_KEYS, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("vercel-of-a-new-kind", VERCEL | {"VERCEL_ENV": "canary"} | DEV, DEVELOPMENT, "main", "https://app-1.vercel.app", FREE),
    Row("netlify-production", NETLIFY | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    Row("netlify-preview", NETLIFY_PREVIEW | PREVIEW_KEYS, "preview/fix", "fix", "https://p7--app.example", FREE),
    Row("netlify-branch", NETLIFY | {"CONTEXT": "branch-deploy"} | PREVIEW_KEYS, "preview/main", "main", None, FREE),
    Row("netlify-server", NETLIFY | {"CONTEXT": "preview-server"} | PREVIEW_KEYS, "preview/main", "main", None, FREE),
    Row("netlify-dev", NETLIFY | {"CONTEXT": "dev"} | DEV, DEVELOPMENT, "main", None, FREE),
    Row("netlify-of-a-new-kind", NETLIFY | {"CONTEXT": "x"} | DEV, DEVELOPMENT, "main", None, FREE),
    Row("render", RENDER | PREVIEW_KEYS, DEVELOPMENT, "main", RENDERED, WITHHELD, BY_NAME),
    Row("render-with-production-keys", RENDER | PRODUCTION_KEYS, DEVELOPMENT, "main", RENDERED, REFUSED, f"{BY_NAME} {FOREIGN_KEY}"),
    Row("render-production", RENDER | SAYS, PRODUCTION, "production", RENDERED, FREE),
    Row("render-preview", RENDER_PREVIEW | PREVIEW_KEYS, "preview/fix", "fix", "https://app-pr-7.onrender.com", FREE),
    Row("railway-production", RAILWAY | PRODUCTION_KEYS, PRODUCTION, "production", RAILED, FREE),
    Row("railway-staging", RAILWAY_STAGING | TEST_KEYS, "preview/staging", "develop", RAILED, FREE),
    Row("railway-pull-request", RAILWAY_PR | PREVIEW_KEYS, "preview/app-pr-7", "fix", RAILED, FREE),
    Row("fly", FLY | PREVIEW_KEYS, DEVELOPMENT, "development", "https://app.fly.dev", WITHHELD, BY_NAME),
    Row("fly-production", FLY | SAYS, PRODUCTION, "production", "https://app.fly.dev", FREE),
    Row("fly-review", FLY_REVIEW | PREVIEW_KEYS, "preview/pr-7-org-app", "pr-7-org-app", "https://pr-7-org-app.fly.dev", FREE),
    Row("fly-review-by-name", FLY_NAMED | PREVIEW_KEYS, "preview/app-pr-7", "app-pr-7", "https://app-pr-7.fly.dev", FREE),
    Row("heroku", HEROKU, DEVELOPMENT, "development", "https://app-1.herokuapp.com", FREE),
    Row("heroku-production", HEROKU | SAYS, PRODUCTION, "production", "https://app-1.herokuapp.com", FREE),
    Row("heroku-review", HEROKU_REVIEW | PREVIEW_KEYS, "preview/fix", "fix", "https://app-1.herokuapp.com", FREE),
    Row("heroku-review-by-hand", HEROKU_BY_HAND | PREVIEW_KEYS, "preview/fix", "fix", "https://app-1.herokuapp.com", FREE),
    Row("heroku-review-of-old", HEROKU_OLD | PREVIEW_KEYS, "preview/app", "app", "https://app-1.herokuapp.com", FREE),
    Row("heroku-ci", HEROKU_CI | DEV, "test/test", "fix", "https://app-1.herokuapp.com", FREE),
    Row("cloud-run", CLOUD_RUN | TEST_KEYS, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("cloud-run-job", {"CLOUD_RUN_JOB": "job"} | TEST_KEYS | IN_CLOUD, DEVELOPMENT, "ours", None, FREE),
    Row("kubernetes", KUBERNETES | DEV, DEVELOPMENT, "development", None, FREE),
    Row("kubernetes-production", KUBERNETES | SAYS, PRODUCTION, "production", None, FREE, "no-serve-origin"),
    Row("runner-in-kubernetes", KUBERNETES | {"CI": "true"}, "test/test", "test", None, FREE),
    Row("github-actions", ACTIONS, "test/test", "fix", None, FREE),
    Row("github-actions-on-a-branch", ACTIONS | {"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}, "test/test", "main", None, FREE),
    Row("github-actions-for-production", ACTIONS | SAYS, PRODUCTION, "production", None, FREE, "no-serve-origin"),
    Row("ci", {"CI": "1"}, "test/test", "test", None, FREE),
    Row("ci-off", {"CI": "false"}, DEVELOPMENT, "development", None, FREE),
    Row("ci-of-a-host", VERCEL | {"CI": "1"} | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    Row("no-host", {}, DEVELOPMENT, "development", None, FREE),
    Row("two-hosts", RAILWAY | VERCEL_PREVIEW, "preview/fix", "fix", FIX, REFUSED, "hosts-disagree"),
    Row("two-hosts-that-agree", RAILWAY | VERCEL | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    # TICKOVER_ENV.
    Row("says-production", SAYS | {"INNGEST_SERVE_ORIGIN": f"{APP}/\n"}, PRODUCTION, "production", APP, FREE),
    Row("says-production-with-a-newline", tickover(" Production\n") | VERCEL, PRODUCTION, "production", APP, FREE),
    Row("says-production-with-a-name", tickover("production:eu") | VERCEL, PRODUCTION, "production", APP, FREE),
    Row("says-preview", tickover("preview"), "preview/preview", "preview", None, FREE),
    Row("says-preview-with-a-name", tickover("preview:qa"), "preview/qa", "qa", None, FREE),
    Row("says-preview-on-a-preview", tickover("preview") | RAILWAY_PR, "preview/app-pr-7", "fix", RAILED, FREE),
    Row("says-a-name-with-a-colon", tickover("preview: a:b "), "preview/a:b", "a:b", None, FREE),
    Row("says-staging-of-its-own-url", tickover("preview:qa") | RENDER, "preview/qa", "main", RENDERED, FREE),
    Row("says-development", tickover("development") | VERCEL_PREVIEW, DEVELOPMENT, "fix", FIX, FREE),
    Row("says-test", tickover("test"), "test/test", "test", None, FREE),
    Row("says-nothing", tickover(" \n"), DEVELOPMENT, "development", None, FREE),
    Row("malformed", tickover("prod") | VERCEL, DEVELOPMENT, "main", APP, REFUSED, "malformed production-origin"),
    Row("malformed-nowhere", tickover("staging"), DEVELOPMENT, "development", None, REFUSED, "malformed"),
    Row("production-on-a-preview", tickover("production") | VERCEL_PREVIEW, PRODUCTION, "production", FIX, REFUSED, "host-disagrees"),
    Row("production-on-a-review-app", tickover("production") | FLY_REVIEW, PRODUCTION, "production", "https://pr-7-org-app.fly.dev", REFUSED, "host-disagrees"),
    Row("production-on-heroku-ci", tickover("production") | HEROKU_CI, PRODUCTION, "production", "https://app-1.herokuapp.com", REFUSED, "host-disagrees"),
    Row("production-on-a-custom-one", tickover("production") | VERCEL_STAGING, PRODUCTION, "production", FIX, FREE),
    Row("preview-on-production", tickover("preview") | VERCEL, "preview/main", "main", APP, REFUSED, "production-origin"),
    Row("settles-two-hosts", tickover("preview:x") | VERCEL_PREVIEW | RAILWAY, "preview/x", "fix", FIX, FREE),
    # INNGEST_ENV.
    Row("env-production", VERCEL | {"INNGEST_ENV": "production\n"} | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    Row("env-of-a-branch-in-production", VERCEL | {"INNGEST_ENV": "main"}, PRODUCTION, "production", APP, REFUSED, "environment-mismatch"),
    Row("f12-preview-called-production", VERCEL_PREVIEW | {"INNGEST_ENV": "production"} | PREVIEW_KEYS, "preview/fix", "preview", FIX, REFUSED, "production-environment"),
    Row("f12-with-a-newline", VERCEL_PREVIEW | {"INNGEST_ENV": "Production\n"}, "preview/fix", "preview", FIX, REFUSED, "production-environment"),
    Row("f12-development-called-production", {"INNGEST_ENV": "production"}, DEVELOPMENT, "development", None, REFUSED, "production-environment"),
    Row("branch-production", VERCEL_PREVIEW | {"VERCEL_GIT_COMMIT_REF": "production"}, "preview/production", "preview", FIX, REFUSED, "branch-named-production"),
    Row("branch-production-by-another-name", VERCEL_PREVIEW | {"VERCEL_GIT_COMMIT_REF": "production", "INNGEST_ENV": "x"}, "preview/production", "x", FIX, FREE, "shared-environment"),
    Row("name-production", tickover("preview:Production"), "preview/Production", "preview", None, REFUSED, "branch-named-production"),
    Row("name-production-of-development", tickover("development:production"), "development/production", "development", None, FREE),
    Row("env-of-the-branch", VERCEL_PREVIEW | {"INNGEST_ENV": "fix"}, "preview/fix", "fix", FIX, FREE),
    Row("env-shared", VERCEL_PREVIEW | {"INNGEST_ENV": "previews"}, "preview/fix", "previews", FIX, FREE, "shared-environment"),
    Row("branch-that-no-header-takes", VERCEL_PREVIEW | {"VERCEL_GIT_COMMIT_REF": "a b/ü"}, "preview/a b/ü", "a%20b/%C3%BC", FIX, FREE),
    Row("branch-in-no-known-encoding", VERCEL_PREVIEW | {"VERCEL_GIT_COMMIT_REF": "x\udcff"}, "preview/x\udcff", "x%FF", FIX, FREE),
    Row("r05-without-env", VERCEL | {"RENDER_GIT_BRANCH": "x"} | PRODUCTION_KEYS, PRODUCTION, "production", APP, FREE),
    # Keys.
    Row("production-with-a-test-key", VERCEL | {"INNGEST_SIGNING_KEY": TEST}, PRODUCTION, "production", APP, REFUSED, FOREIGN_KEY),
    Row("production-with-a-branch-key", VERCEL | {"INNGEST_SIGNING_KEY_FALLBACK": BRANCH}, PRODUCTION, "production", APP, REFUSED, FOREIGN_KEY),
    Row("production-with-bare-hex", VERCEL | OWN | {"INNGEST_SIGNING_KEY": SIGNING}, PRODUCTION, "production", APP, FREE),
    Row("preview-with-a-prod-key", VERCEL_PREVIEW | {"INNGEST_SIGNING_KEY": PROD} | KNOWN, "preview/fix", "fix", FIX, REFUSED, FOREIGN_KEY),
    Row("preview-with-a-prod-key-here", VERCEL_PREVIEW | {"INNGEST_SIGNING_KEY": PROD} | HERE, "preview/fix", "fix", FIX, REFUSED, FOREIGN_KEY),
    Row("preview-with-a-prod-fallback", VERCEL_PREVIEW | PREVIEW_KEYS | {"INNGEST_SIGNING_KEY_FALLBACK": PROD}, "preview/fix", "fix", FIX, REFUSED, FOREIGN_KEY),
    Row("preview-with-productions-bare-hex", VERCEL_PREVIEW | KNOWN | {"INNGEST_SIGNING_KEY": SIGNING}, "preview/fix", "fix", FIX, REFUSED, "production-key"),
    Row("preview-with-productions-hex-as-test", VERCEL_PREVIEW | KNOWN | {"INNGEST_SIGNING_KEY": f"signkey-test-{SIGNING.upper()}"}, "preview/fix", "fix", FIX, REFUSED, "production-key"),
    Row("preview-with-productions-event-key", VERCEL_PREVIEW | PREVIEW_KEYS | {"INNGEST_EVENT_KEY": "the-event-key-of-production"}, "preview/fix", "fix", FIX, REFUSED, "production-key"),
    Row("preview-with-unproven-keys", VERCEL_PREVIEW | UNPROVEN, "preview/fix", "fix", FIX, WITHHELD, "unproven-key"),
    Row("preview-with-an-unproven-event-key", VERCEL_PREVIEW | {"INNGEST_EVENT_KEY": EVENT}, "preview/fix", "fix", FIX, WITHHELD, "unproven-key"),
    Row("preview-with-malformed-fingerprints", VERCEL_PREVIEW | UNPROVEN | {"TICKOVER_PRODUCTION_KEYS": "TICKOVER_PRODUCTION_KEYS=0123456789abcdef"}, "preview/fix", "fix", FIX, WITHHELD, "unproven-key malformed-fingerprints"),
    Row("preview-with-half-of-the-fingerprints", VERCEL_PREVIEW | UNPROVEN | {"TICKOVER_PRODUCTION_KEYS": "0123456789ABCDEF, xyz"}, "preview/fix", "fix", FIX, WITHHELD, "unproven-key malformed-fingerprints"),
    Row("production-with-malformed-fingerprints", VERCEL | {"TICKOVER_PRODUCTION_KEYS": "yes"}, PRODUCTION, "production", APP, FREE, "malformed-fingerprints"),
    Row("production-with-its-fingerprints", VERCEL | PRODUCTION_KEYS | KNOWN, PRODUCTION, "production", APP, FREE),
    Row("production-with-stale-fingerprints", VERCEL | PRODUCTION_KEYS | {"INNGEST_EVENT_KEY": "a-new-event-key"} | KNOWN, PRODUCTION, "production", APP, FREE, "fingerprints-stale"),
    Row("key-with-a-newline", VERCEL | {"INNGEST_SIGNING_KEY": f"{PROD}\n"}, PRODUCTION, "production", APP, FREE, "trimmed"),
    Row("key-with-a-blank-inside", VERCEL | {"INNGEST_SIGNING_KEY": f"{PROD[:20]} {PROD[20:]}"}, PRODUCTION, "production", APP, REFUSED, "malformed-secret"),
    Row("key-of-no-form", VERCEL | {"INNGEST_SIGNING_KEY": "signkey-prod-xyz"}, PRODUCTION, "production", APP, REFUSED, "signing-key-form"),
    # Engines.
    Row("development-in-the-cloud", TEST_KEYS, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("development-in-the-cloud-by-name", TEST_KEYS | IN_CLOUD, DEVELOPMENT, "ours", None, FREE),
    Row("development-in-the-cloud-unproven", UNPROVEN | IN_CLOUD, DEVELOPMENT, "ours", None, WITHHELD, "unproven-key"),
    Row("development-in-the-cloud-by-url", TEST_KEYS | {"INNGEST_BASE_URL": "https://api.Inngest.com./"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("development-that-sends-to-the-cloud", TEST_KEYS | {"INNGEST_BASE_URL": "https://inn.gs"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("development-with-an-engine-here", UNPROVEN | HERE, DEVELOPMENT, "development", None, FREE),
    Row("development-with-an-engine-at-localhost", UNPROVEN | {"INNGEST_BASE_URL": "http://LOCALHOST:1"}, DEVELOPMENT, "development", None, FREE),
    Row("development-with-an-engine-at-ipv6", UNPROVEN | {"INNGEST_BASE_URL": "http://[::1]:1"}, DEVELOPMENT, "development", None, FREE),
    Row("development-with-an-engine-that-looks-here", UNPROVEN | {"INNGEST_BASE_URL": "http://127.0.0.1.engine.example"}, DEVELOPMENT, "development", None, WITHHELD, "unproven-key"),
    Row("development-with-an-engine-at-no-url", UNPROVEN | {"INNGEST_BASE_URL": "http://[oops"}, DEVELOPMENT, "development", None, WITHHELD, "unproven-key"),
    Row("development-with-our-engine", TEST_KEYS | OWN, DEVELOPMENT, "development", None, FREE),
    Row("development-with-our-engine-unproven", UNPROVEN | OWN, DEVELOPMENT, "development", None, WITHHELD, "unproven-key"),
    Row("dev-mode-here", UNPROVEN | DEV, DEVELOPMENT, "development", None, FREE),
    Row("dev-mode-elsewhere-without-keys", {"INNGEST_DEV": "http://inngest:8288"}, DEVELOPMENT, "development", None, FREE),
    Row("dev-mode-elsewhere-unproven", UNPROVEN | {"INNGEST_DEV": "http://inngest:8288"}, DEVELOPMENT, "development", None, WITHHELD, "unproven-key"),
    Row("dev-mode-with-our-engine", UNPROVEN | DEV | OWN, DEVELOPMENT, "development", None, WITHHELD, "unproven-key"),
    Row("dev-mode-in-the-cloud", UNPROVEN | {"INNGEST_DEV": "https://api.inngest.com"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("dev-mode-in-the-cloud-without-keys", {"INNGEST_DEV": "https://api.inngest.com"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("dev-mode-in-the-cloud-without-keys-by-url", DEV | {"INNGEST_BASE_URL": "https://inn.gs"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("dev-mode-in-the-cloud-without-keys-by-name", {"INNGEST_DEV": "https://api.inngest.com"} | IN_CLOUD, DEVELOPMENT, "ours", None, FREE),
    Row("dev-mode-with-productions-key", DEV | {"INNGEST_SIGNING_KEY": PROD}, DEVELOPMENT, "development", None, REFUSED, FOREIGN_KEY),
    Row("tests-in-the-cloud", ACTIONS | TEST_KEYS, "test/test", "fix", None, WITHHELD, BY_NAME),
    Row("dev-mode-off", UNPROVEN | {"INNGEST_DEV": "0\n"}, DEVELOPMENT, "development", None, WITHHELD, BY_NAME),
    Row("dev-mode-in-production", VERCEL | DEV, PRODUCTION, "production", APP, REFUSED, "dev-mode-in-production"),
    Row("production-at-our-engine", VERCEL | OWN | {"INNGEST_SIGNING_KEY": SIGNING}, PRODUCTION, "production", APP, FREE),
    # Serve origins.
    Row("pinned", VERCEL | {"INNGEST_SERVE_ORIGIN": "https://jobs.app.example/"}, PRODUCTION, "production", "https://jobs.app.example", FREE),
    Row("preview-pinned-to-its-own", VERCEL_PREVIEW | {"INNGEST_SERVE_ORIGIN": "https://p.example"}, "preview/fix", "fix", "https://p.example", FREE),
    Row("preview-pinned-to-productions", VERCEL_PREVIEW | {"INNGEST_SERVE_ORIGIN": APP}, "preview/fix", "fix", APP, REFUSED, "production-origin"),
    Row("preview-pinned-to-productions-port", VERCEL_PREVIEW | {"INNGEST_SERVE_ORIGIN": "http://APP.example.:443"}, "preview/fix", "fix", "http://APP.example.:443", REFUSED, "production-origin"),
    Row("pinned-to-no-url", VERCEL_PREVIEW | {"INNGEST_SERVE_ORIGIN": "http://[oops"}, "preview/fix", "fix", "http://[oops", FREE),
    # Stores.
    Row("production-in-new-stores", VERCEL, PRODUCTION, "production", APP, FREE, "", NONE_YET, Store()),
    Row("production-before-its-schema", VERCEL, PRODUCTION, "production", APP, FREE, "", UNREADY, Store()),
    Row("production-in-its-stores", VERCEL, PRODUCTION, "production", APP, FREE, "", OF_PRODUCTION, REDIS_OF_PRODUCTION),
    Row("production-in-a-previews-database", VERCEL, PRODUCTION, "production", APP, REFUSED, "foreign-database", OF_FIX),
    Row("production-in-a-previews-redis", VERCEL, PRODUCTION, "production", APP, REFUSED, "foreign-redis", OF_PRODUCTION, REDIS_OF_FIX),
    Row("production-in-a-copy", VERCEL, PRODUCTION, "production", APP, REFUSED, "copied-database", COPY),
    Row("preview-in-new-stores", VERCEL_PREVIEW, "preview/fix", "fix", FIX, FREE, "", NONE_YET, Store()),
    Row("preview-in-its-stores", VERCEL_PREVIEW, "preview/fix", "fix", FIX, FREE, "", OF_FIX, REDIS_OF_FIX),
    Row("preview-in-productions-database", VERCEL_PREVIEW, "preview/fix", "fix", FIX, REFUSED, "foreign-database", OF_PRODUCTION),
    Row("preview-in-productions-redis", VERCEL_PREVIEW, "preview/fix", "fix", FIX, REFUSED, "foreign-redis", NONE_YET, REDIS_OF_PRODUCTION),
    Row("preview-in-both-of-productions", VERCEL_PREVIEW, "preview/fix", "fix", FIX, REFUSED, "foreign-database foreign-redis", OF_PRODUCTION, REDIS_OF_PRODUCTION),
    Row("preview-in-a-copy", VERCEL_PREVIEW, "preview/fix", "fix", FIX, REFUSED, "copied-database", COPY),
    Row("preview-in-another-previews", VERCEL_PREVIEW | {"VERCEL_GIT_COMMIT_REF": "b"}, "preview/b", "b", FIX, REFUSED, "foreign-database", OF_FIX),
    Row("development-in-productions-database", DEV, DEVELOPMENT, "development", None, REFUSED, "foreign-database", OF_PRODUCTION),
    Row("tests-in-productions-database", ACTIONS, "test/test", "fix", None, REFUSED, "foreign-database", OF_PRODUCTION),
    Row("everything-at-once", VERCEL_PREVIEW | PRODUCTION_KEYS | {"INNGEST_ENV": "production"}, "preview/fix", "preview", FIX, REFUSED,
        f"production-environment unproven-key {FOREIGN_KEY} foreign-database foreign-redis", OF_PRODUCTION, REDIS_OF_PRODUCTION),
]  # fmt: skip


def verdict_of(row: Row) -> Verdict:
    """The verdict on a row."""
    watched = {name: value for name, value in row.variables.items() if name == "INNGEST_SIGNING_KEY"}
    return judge(Facts(resolve(row.variables), row.variables, watched, row.database, row.redis))


def may(verdict: Verdict) -> str:
    """What a verdict allows, in a word."""
    return REFUSED if verdict.is_refused else FREE if verdict.withheld is None else WITHHELD


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_i5_every_environment_is_told_and_may_do_what_is_right_for_it(row: Row) -> None:
    """Its kind and name, what its engine hears, where it is served, what it may do, and all that speaks against it."""
    verdict = verdict_of(row)
    environment = verdict.environment
    assert f"{environment.kind}/{environment.name}" == row.environment
    assert (verdict.engine_environment, verdict.serve_origin) == (row.reported, row.origin)
    assert (may(verdict), [found.code for found in verdict.contradictions]) == (row.may, row.codes.split())


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_i5_only_production_is_ever_called_production(row: Row) -> None:
    """Whatever the variables and the branch say, in either case of letters."""
    verdict = verdict_of(row)
    assert (verdict.engine_environment.lower() == "production") == verdict.environment.is_production


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_every_contradiction_says_what_to_do(row: Row) -> None:
    """Each has a name in kebab-case, a text, and a remedy; and the JSON form says what may be done."""
    verdict = verdict_of(row)
    for found in verdict.contradictions:
        assert found.code == found.code.lower().replace(" ", "-")
        assert found.text
        assert found.remedy
    told = verdict.as_json()
    assert (told["mayChange"], told["maySend"]) == (row.may != REFUSED, row.may == FREE)
    assert [found["code"] for found in told["contradictions"]] == row.codes.split()


@pytest.mark.parametrize(
    ("variables", "limit"),
    [
        (VERCEL, 300.0),
        (HEROKU_REVIEW, 30.0),
        (CLOUD_RUN, 300.0),
        ({"CLOUD_RUN_JOB": "job"}, None),
        (FLY, None),
        ({}, None),
    ],
)
def test_how_long_a_request_may_take_is_known_of_some_hosts(variables: Mapping[str, str], limit: float | None) -> None:
    """Vercel, Heroku's router and Cloud Run's services; who else has a limit does not tell it."""
    assert resolve(variables).limit_s == limit


def test_the_table_is_read_as_it_stands() -> None:
    """Each row has an id of its own, and there are rows of each outcome."""
    assert len({row.id for row in ROWS}) == len(ROWS) >= 60
    assert {row.may for row in ROWS} == {FREE, WITHHELD, REFUSED}
