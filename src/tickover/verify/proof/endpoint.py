"""Does the deployment serve the right environment, with the right keys and functions, where the engine calls? Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from tickover.verify.case import same_place
from tickover.verify.proof.answers import ENVIRONMENT, Answer, Asked, Wanted
from tickover.verify.proof.lines import Line, failed, passed, skipped, unproven

_PRODUCTION = "production"
_DIRT = "trimmed"
_PATH = "/api/inngest"


def endpoint_lines(wanted: Wanted, asked: Asked) -> list[Line]:
    """Every line about `/api/inngest`, the environment and the engine, in order."""
    return [
        _head(asked),
        _environment(wanted, asked),
        *_verdict(wanted, asked),
        _serve_origin(wanted, asked),
        _mode(asked),
        _signing_key(wanted, asked),
        _event_key(wanted, asked),
        _functions(wanted, asked),
        _registered(wanted, asked),
    ]


def _head(asked: Asked) -> Line:
    head, name = asked.head, f"HEAD {_PATH}"
    if head is None or head.error is not None:
        return unproven(name, "no answer" if head is None else head.said(), "run it again")
    if ENVIRONMENT not in head.headers or head.status == HTTPStatus.METHOD_NOT_ALLOWED:
        return failed(name, f"it answers {head.status}, without {ENVIRONMENT}", "let Tickover serve this URL itself")
    if head.headers[ENVIRONMENT] != asked.get.headers.get(ENVIRONMENT):
        return failed(name, "HEAD and GET name different environments", "let one deployment answer both")
    return passed(name, f"{head.status}, {ENVIRONMENT}: {head.headers[ENVIRONMENT]}")


def _environment(wanted: Wanted, asked: Asked) -> Line:
    reported, kind = asked.get.headers.get(ENVIRONMENT, ""), asked.told.part("environment").get("kind")
    name, seen = "environment", f"{ENVIRONMENT}: {reported}" + (f"; it is {kind}" if kind else "")
    if wanted.expect is None:
        expected = asked.told.told.get("engineEnvironment", reported)
        if reported != expected:
            return failed(name, f"{seen}; it says of itself {expected}", "let one deployment answer all of /api")
        return passed(name, f"{seen}; nothing else was expected (--expect)")
    if (wanted.expect == _PRODUCTION) != (reported.lower() == _PRODUCTION):
        return failed(name, f"{seen}; expected was {wanted.expect}", _environment_remedy(wanted.expect))
    if kind is not None and kind != wanted.expect:
        return failed(name, f"{seen}; expected was {wanted.expect}", f"say so with TICKOVER_ENV={wanted.expect} there")
    return passed(name, f"{seen}, as expected")


def _environment_remedy(expect: str) -> str:
    if expect == _PRODUCTION:
        return "set TICKOVER_ENV=production there where the host does not tell, and INNGEST_ENV=production or nothing"
    return (
        "unset INNGEST_ENV for this environment, or set it to the commit's branch: as it is, it may overwrite "
        "production's functions at the engine"
    )


def _verdict(wanted: Wanted, asked: Asked) -> list[Line]:
    """What the deployment thinks of its own environment, and of its variables; a warning is no fault."""
    if not asked.told.told:
        return [_untold(wanted, asked, name) for name in ("verdict", "variables")]
    against = [found for found in asked.told.contradictions if found["severity"] != "warning"]
    warnings = [found for found in asked.told.contradictions if found["severity"] == "warning"]
    dirt = [found for found in warnings if found["code"] == _DIRT]
    return [
        _of("verdict", against, "nothing speaks against acting here"),
        _of("variables", dirt, "without blanks or newlines around them"),
        *(skipped(f"warning: {w['code']}", w["text"], w["remedy"]) for w in warnings if w not in dirt),
    ]


def _untold(wanted: Wanted, asked: Asked, name: str) -> Line:
    """A line that the deployment itself would have to tell."""
    answer = asked.deployment
    if not wanted.has_secret:
        return unproven(name, "no cron secret was given", "set CRON_SECRET, or give --cron-secret")
    if answer is not None and answer.status == HTTPStatus.UNAUTHORIZED:
        return unproven(name, "the cron secret is not the deployment's", "set CRON_SECRET to the deployment's")
    return unproven(name, "no answer" if answer is None else answer.said(), "look into the deployment's log")


def _of(name: str, found: Sequence[Mapping[str, str]], clean: str) -> Line:
    if not found:
        return passed(name, clean)
    return failed(name, "; ".join(each["text"] for each in found), "; ".join(each["remedy"] for each in found))


def _serve_origin(wanted: Wanted, asked: Asked) -> Line:
    name, origin = "serve origin", _told_origin(asked)
    if origin is None:
        if not asked.told.told:
            return _untold(wanted, asked, name)
        if asked.told.part("environment").get("kind") == _PRODUCTION:
            remedy = f"set INNGEST_SERVE_ORIGIN={wanted.url} there"
            return failed(name, "none is pinned, so production cannot be synced", remedy)
        return passed(name, "the host that is asked")
    if same_place(f"{origin}{_PATH}", f"{wanted.url}{_PATH}"):
        return passed(name, origin)
    return failed(
        name,
        f"it has the engine call {origin}, and this is {wanted.url}",
        f"set INNGEST_SERVE_ORIGIN={wanted.url} there, or verify the URL that the engine calls",
    )


def _told_origin(asked: Asked) -> str | None:
    told = asked.told.told.get("serveOrigin") or (_inspection(asked.signed).get("serve_origin"))
    return str(told).rstrip("/") if told else None


def _inspection(answer: Answer | None) -> dict[str, Any]:
    return answer.json if answer is not None and answer.status == HTTPStatus.OK else {}


def _mode(asked: Asked) -> Line:
    name, told = "mode and keys", _inspection(asked.signed) or _inspection(asked.get)
    if asked.get.code == "no-signing-key":
        return failed(name, "it has no signing key", "set INNGEST_SIGNING_KEY there")
    if not told:
        return unproven(name, asked.get.said(), "look into the deployment's log")
    if told.get("mode") == "dev":
        if asked.get.headers.get(ENVIRONMENT) == _PRODUCTION:
            return failed(name, "production is in dev mode: nothing is signed", "unset INNGEST_DEV there")
        return passed(name, "dev mode, without keys")
    missing = [key for key, there in _KEYS.items() if not told.get(there)]
    if missing:
        return failed(name, f"{' and '.join(missing)} not set there", f"set {' and '.join(missing)} there")
    return passed(name, "cloud mode, with event key and signing key")


_KEYS = {"INNGEST_EVENT_KEY": "has_event_key", "INNGEST_SIGNING_KEY": "has_signing_key"}


def _signing_key(wanted: Wanted, asked: Asked) -> Line:
    name, signed = "signing key", asked.signed
    if _inspection(asked.get).get("mode") == "dev":
        return passed(name, "none is needed in dev mode")
    if signed is None:
        how = "no signing key was given" if not wanted.has_signing_key else "it was not asked"
        return skipped(name, how, "set INNGEST_SIGNING_KEY, or give --signing-key")
    if signed.code == "stale-signature":
        return unproven(name, "the clocks are too far apart to tell", "mend the clock first")
    if signed.status == HTTPStatus.UNAUTHORIZED:
        return failed(
            name,
            "it refuses what is signed with the key that was given here",
            "set INNGEST_SIGNING_KEY to that of the engine's environment, there and here, without blanks or newlines",
        )
    if not _inspection(signed).get("authentication_succeeded"):
        return unproven(name, signed.said(), "look into the deployment's log")
    return passed(name, "it is the one that was given here")


def _event_key(wanted: Wanted, asked: Asked) -> Line:
    name, told = "event key", _inspection(asked.signed).get("event_key_hash")
    if wanted.event_key is None or told is None:
        return skipped(name, "nothing to compare it with", "give INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY here")
    if told != hashlib.sha256(wanted.event_key.encode()).hexdigest():
        remedy = "set INNGEST_EVENT_KEY to that of the engine's environment, there and here"
        return failed(name, "it is another one than the one that was given here", remedy)
    return passed(name, "it is the one that was given here")


def _functions(wanted: Wanted, asked: Asked) -> Line:
    name = "functions served"
    count = (_inspection(asked.signed) or _inspection(asked.get)).get("function_count")
    served = asked.told.function_ids()
    if wanted.functions is not None and served:
        missing = sorted(set(wanted.functions) - set(served))
        extra = sorted(set(served) - set(wanted.functions))
        if missing or extra:
            parts = {"missing": missing, "unknown here": extra}
            seen = "; ".join(f"{what} {', '.join(ids)}" for what, ids in parts.items() if ids)
            return failed(name, seen, "deploy the version whose contract this is, or name its application")
    if served and count is not None and count != len(served):
        seen = f"{count} functions at {_PATH}, {len(served)} in its contract"
        return failed(name, seen, "let one version of the application answer all of /api")
    if not served:
        return _untold(wanted, asked, name)
    compared = "" if wanted.functions is not None else "; no application to compare with (--app)"
    return passed(name, f"{', '.join(served)}{compared}")


def _registered(wanted: Wanted, asked: Asked) -> Line:
    name, engine, app_id = "functions registered", asked.engine, asked.told.told.get("appId")
    if engine is None and not asked.told.told:
        return _untold(wanted, asked, name)
    if engine is None:
        return skipped(name, "the engine was not asked", "set INNGEST_SIGNING_KEY, or give --signing-key")
    if engine.functions is None:
        seen = engine.why_not or engine.why_no_functions
        return skipped(name, seen, "give --engine and the signing key of its environment")
    expected = [f"{app_id}-{function}" for function in asked.told.function_ids()]
    missing = [slug for slug in expected if slug not in engine.functions]
    if missing:
        remedy = f"sync it: in the engine's list of apps, or `tickover sync {wanted.url}`"
        return failed(name, f"the engine at {engine.url} does not know {', '.join(missing)}", remedy)
    places = {engine.functions[slug] for slug in expected if engine.functions[slug]}
    elsewhere = [place for place in places if not same_place(place, f"{wanted.url}{_PATH}")]
    if elsewhere:
        remedy = f"sync this deployment, and no other in this environment: `tickover sync {wanted.url}`"
        return failed(name, f"the engine calls {', '.join(sorted(elsewhere))}", remedy)
    return passed(name, f"{len(expected)} at the engine, at this URL")
