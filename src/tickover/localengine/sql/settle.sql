SELECT tickover_engine.settle(%(decisions)s, %(events)s, %(runs)s, %(known)s, %(at)s)
