-- Work arrives.
SELECT tickover.enqueue(kind => %(kind)s, payload => '{}') FROM generate_series(1, %(count)s)
