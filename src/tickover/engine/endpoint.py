"""The endpoint the engine calls: the SDK's own, behind a door that says why when it cannot be opened."""

import inngest
import inngest.fast_api
from fastapi import FastAPI

from tickover.engine.functions import DurableFunctions
from tickover.settings import Settings

PATH = "/api/inngest"
"""Where the engine finds the functions."""


def make_endpoint(sdk: inngest.Inngest, functions: DurableFunctions, settings: Settings) -> FastAPI | None:
    """An application that serves the durable functions at `PATH`; None where the keys for it are missing."""
    if not settings.dev_mode and settings.inngest_signing_key is None:
        return None
    app = FastAPI(openapi_url=None)
    inngest.fast_api.serve(app, sdk, functions.make(sdk), serve_origin=settings.inngest_serve_origin, serve_path=PATH)
    return app
