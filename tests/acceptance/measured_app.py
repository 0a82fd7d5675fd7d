"""The counting application, with a route that says how often cron fires it."""

from dataclasses import replace
from datetime import timedelta

from fastapi import FastAPI

from tests.acceptance import counting_app
from tickover import Contract, Tickover

CONTRACT = Contract(tuple(replace(route, every=timedelta(minutes=1)) for route in counting_app.CONTRACT.routes))

app = FastAPI()
Tickover(CONTRACT, app_id="measured").mount(app)
