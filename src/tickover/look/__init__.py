"""How Tickover's pages look: one style sheet, one script, one frame, for the dashboard and for the local engine."""
