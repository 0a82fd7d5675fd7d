"""Moves cron-driven background work onto durable functions, and back, without dropping a tick."""

from tickover.app import Tickover
from tickover.contract import Contract, Function, Responsibility, Route
from tickover.execution.run import Run, Summary

__all__ = ["Contract", "Function", "Responsibility", "Route", "Run", "Summary", "Tickover"]
