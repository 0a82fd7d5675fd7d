from hypothesis import given
from hypothesis import strategies as st

from tickover.localengine.identifiers import fresh_ulid, job_id, seeded_ulid, ulid

MILLIS = st.integers(0, 2**48 - 1)


@given(MILLIS, st.binary(min_size=10, max_size=10))
def test_a_ulid_is_26_characters_and_can_be_read_back(millis: int, entropy: bytes) -> None:
    """48 bits of time, 80 of chance, in Crockford's base 32."""
    text = ulid(millis, entropy)
    number = int(text.translate(str.maketrans("ABCDEFGHJKMNPQRSTVWXYZ", "ABCDEFGHIJKLMNOPQRSTUV")), 32)
    assert (len(text), number >> 80, number & (2**80 - 1)) == (26, millis, int.from_bytes(entropy, "big"))


@given(MILLIS, MILLIS)
def test_ulids_sort_by_time(first: int, second: int) -> None:
    """As text."""
    entropy = bytes(10)
    assert (ulid(first, entropy) < ulid(second, entropy)) == (first < second)


def test_a_seed_gives_the_same_ids_each_time_and_another_for_each_place() -> None:
    """So that a call that is tried again is the same events."""
    ids = [seeded_ulid(17, b"0123456789", index) for index in range(5000)]
    assert len(set(ids)) == 5000
    assert ids == [seeded_ulid(17, b"0123456789", index) for index in range(5000)]
    assert ids[0] != seeded_ulid(17, b"012345678x", 0)


def test_fresh_ids_are_fresh() -> None:
    """Also within one millisecond."""
    assert len({fresh_ulid(1) for _ in range(1000)}) == 1000
    assert len({job_id() for _ in range(1000)}) == 1000


def test_a_job_id_is_short_lower_case_and_digits() -> None:
    """As the real engine's in the recording."""
    assert all(len(name) <= 13 and name.isalnum() and name.islower() | name.isdigit() for name in (job_id(), job_id()))
