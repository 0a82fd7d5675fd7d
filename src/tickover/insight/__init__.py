"""Read models of the dashboard: what became of ticks, functions and the queue. Every look is bounded."""
