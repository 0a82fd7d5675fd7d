DELETE FROM tickover.queue_sample WHERE at < now() - %(keep)s::interval
