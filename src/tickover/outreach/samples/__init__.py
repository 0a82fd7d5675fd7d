"""The reference application's sample data: what a database holds before the first tick."""

from tickover.outreach.samples.load import load_samples

__all__ = ["load_samples"]
