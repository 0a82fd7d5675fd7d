"""What of a payload is not shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickover.jobs.masking import ALWAYS_MASKED, MASK, mask

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_marked_fields_are_masked_however_deep_and_in_whatever_case() -> None:
    """In objects in lists; the whole value, whatever it is; their neighbours are shown."""
    payload = {"to": "a@b", "auth": [{"API-Key": "k1", "apiKey": {"deep": "k2"}, "TOKEN": 7}], "iban": "DE", "n": None}
    shown = json.loads(mask(json.dumps(payload), {"Iban"}))
    assert shown == {
        "to": "a@b",
        "auth": [{"API-Key": MASK, "apiKey": MASK, "TOKEN": MASK}],
        "iban": MASK,
        "n": None,
    }


@pytest.mark.parametrize("name", sorted(ALWAYS_MASKED))
def test_some_names_are_always_masked(name: str) -> None:
    """Without a setting."""
    assert "hush" not in mask(json.dumps({name.upper(): "hush"}), frozenset())


@given(JSON)
def test_the_value_of_a_marked_field_is_never_shown(value: object) -> None:
    """Whatever it is, it is replaced; whatever is beside it stays."""
    shown = json.loads(mask(json.dumps({"kept": 1, "pin": value}), frozenset({"pin"})))
    assert shown == {"kept": 1, "pin": MASK}


@given(JSON)
def test_what_is_not_marked_is_shown_as_it_is(value: object) -> None:
    """A list of anything without names."""
    text = json.dumps([value])
    assert '"' in text or json.loads(mask(text, frozenset())) == json.loads(text)


@pytest.mark.parametrize("payload", ["[" * 5000 + "]" * 5000, "9" * 5000, "1e400", "{", "[" * 150 + "]" * 150])
def test_what_cannot_be_parsed_is_masked_rather_than_shown(payload: str) -> None:
    """Too deep, a number that Python refuses, no JSON: something that can be parsed comes of it all the same."""
    assert MASK in mask(payload, frozenset())
    json.loads(mask(payload, frozenset()))
