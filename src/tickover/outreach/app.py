"""The reference application, served: `uvicorn tickover.outreach.app:app`."""

from fastapi import FastAPI

from tickover import Tickover, telemetry
from tickover.outreach.contract import contract
from tickover.outreach.settings import OutreachSettings

telemetry.configure_logs()

app = FastAPI(title="Outreach")
tickover = Tickover(contract(OutreachSettings.read()), app_id="outreach")
tickover.mount(app)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the application serves."""
    return {"status": "ok"}
