"""An application with OpenTelemetry's SDK, which writes each span that ends to the file `SPANS`, a line each."""

import os
from pathlib import Path

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from tests.acceptance.counting_app import CONTRACT
from tickover import Tickover, telemetry

_OUT = Path(os.environ["SPANS"]).open("a", buffering=1)  # noqa: SIM115 - open as long as the process lives
_provider = TracerProvider()
_provider.add_span_processor(
    SimpleSpanProcessor(ConsoleSpanExporter(out=_OUT, formatter=lambda span: span.to_json(indent=None) + "\n"))
)
trace.set_tracer_provider(_provider)
telemetry.configure_logs(json=True)
app = FastAPI()
Tickover(CONTRACT, app_id="traced").mount(app)
