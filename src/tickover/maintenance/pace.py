"""How large the next batch is, and how long to wait before it: batches are sized by time, not by rows. Pure."""

FIRST = 100  # rows of a run's first batch, when nothing is known yet of how long a row takes
MOST = 20_000  # rows of a batch, however fast they go
_GROWTH = 2.0  # a batch is at most so many times as large as the one before
_INSTANT_S = 1e-4  # what took less is taken for this


def next_size(size: int, took_s: float, target_s: float, most: int = MOST) -> int:
    """Rows of the next batch, so that it takes about as long as wanted.

    One that took too long shrinks by as much at once, for others waited for it. One that was fast grows by the square
    root of what there is room for, and never to more than double: rows differ, and a lucky batch proves little.

    Args:
        size: rows of the batch before, at least 1.
        took_s: seconds it took, from its first lock to its commit.
        target_s: seconds a batch should take.
        most: rows of a batch, at most.
    """
    room = target_s / max(took_s, _INSTANT_S)
    factor = room if room < 1 else min(_GROWTH, room**0.5)
    if factor > 1:
        return min(most, max(size + 1, int(size * factor)))  # at least one more: small ones would stay small for ever
    return max(1, min(most, int(size * factor)))


def size_after_none(size: int) -> int:
    """Rows of the next batch after one that was broken off, because it took too long or had to wait for others."""
    return max(1, size // 4)


def pause_after(took_s: float, share: float, left_s: float) -> float:
    """Seconds to leave the database to others after a batch, in proportion to what the batch took of it.

    Args:
        took_s: seconds the batch took.
        share: of all the time, how much batches may take, above 0, at most 1.
        left_s: seconds the run has left; no pause is longer.
    """
    return min(max(left_s, 0.0), took_s * (1 - share) / share)
