SELECT * FROM tickover_engine.claim(%(most)s, make_interval(secs => %(lease_s)s), %(at)s)
