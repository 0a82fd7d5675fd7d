"""Who may look at the dashboard and its API, and who may act."""
