SELECT tickover_engine.accept(%(events)s, %(runs)s, %(known)s, %(at)s)
