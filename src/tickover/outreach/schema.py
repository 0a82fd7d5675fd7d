"""The reference application's own line of migrations, in a schema of its own."""

from tickover.migrations import History

OUTREACH = History("outreach", "tickover.outreach")
