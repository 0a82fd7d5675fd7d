"""Ready-made responsibilities beside the queue: recovery, retention, queue health."""
