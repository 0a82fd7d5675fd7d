"""The application that drills are done to: `uvicorn tickover.drill.application:app`. Each process is one replica."""

from fastapi import FastAPI
from pydantic import Field

from tickover import Tickover, telemetry
from tickover.drill.contract import contract
from tickover.settings import TrimmedSettings


class DrillSettings(TrimmedSettings):
    """How long work takes, in seconds."""

    batch: float = Field(0.02, ge=0, le=5, validation_alias="DRILL_BATCH_SECONDS")
    job: float = Field(0.002, ge=0, le=5, validation_alias="DRILL_JOB_SECONDS")


telemetry.configure_logs(json=True)

_settings = DrillSettings.read()
app = FastAPI()
tickover = Tickover(contract(_settings.batch, _settings.job), app_id="drill")
tickover.mount(app)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the replica serves."""
    return {"status": "ok"}
