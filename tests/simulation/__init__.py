"""A simulation of ticks, replicas, an engine and a database under a simulated clock and seeded faults."""
