import pytest

from tickover.maintenance.needs import Index, Need, serves, statement, tells_apart

EXPIRED = Need(("shop", "memory"), {"source": "guess"}, "expires_at", "id")
STUCK = Need(("shop", "parcel"), {"the state": "leaving"}, "moved", "id", is_partial=True)
PLAIN = Need(("shop", "parcel"), {}, "moved", "id")
LOOKUP = Need(("shop", "receipt"), {"parcel": None})


@pytest.mark.parametrize(
    ("index", "need"),
    [
        (Index(("source", "expires_at")), EXPIRED),
        (Index(("source", "expires_at", "id", "topic")), EXPIRED),
        (Index(("expires_at",), "(source = 'guess'::text)"), EXPIRED),
        (Index(("expires_at",), "((source = 'guess'::text) AND (expires_at IS NOT NULL))"), EXPIRED),
        (Index(("source", "expires_at"), "(expires_at IS NOT NULL)"), EXPIRED),
        (Index(("moved", "id"), "(\"the state\" = 'leaving'::shop.parcel_state)"), STUCK),
        (Index(("the state", "moved")), STUCK),
        (Index(("moved",), "((kind)::text = 'x'::text)"), Need(("t",), {}, "moved", "id", where="kind = 'x'")),
        (Index(("moved",), "((a IS NULL) OR b)"), Need(("t",), {}, "moved", "id", where="a IS NULL or b")),
        (Index(("parcel", "at")), LOOKUP),
        (Index(("parcel",), "(parcel IS NOT NULL)"), LOOKUP),
        (Index(("parcel",), is_ordered=False), LOOKUP),
        (Index(("b", "a", "c")), Need(("t",), {"a": None, "b": None})),
    ],
)
def test_an_index_that_leads_to_the_rows_serves(index: Index, need: Need) -> None:
    """In whatever form: with the fixed columns in front, or in the condition of a partial index."""
    assert serves(index, need)


@pytest.mark.parametrize(
    ("index", "need"),
    [
        (Index(("expires_at",)), EXPIRED),  # rows of other sources would be read and left
        (Index(("source",)), EXPIRED),
        (Index(("source", "topic", "expires_at")), EXPIRED),
        (Index(("expires_at", "source")), EXPIRED),
        (Index(("source", "expires_at"), "(topic = 'x'::text)"), EXPIRED),
        (Index(("expires_at",), "(source = 'manual'::text)"), EXPIRED),
        (Index(("expires_at",), "((source = 'guess'::text) OR (topic = 'x'::text))"), EXPIRED),
        (Index(("moved",), is_ordered=False), PLAIN),
        (Index(("", "moved")), PLAIN),
        (Index(("at", "parcel")), LOOKUP),
        (Index(("parcel",), "(at IS NULL)"), LOOKUP),
        (Index(("a", "c", "b")), Need(("t",), {"a": None, "b": None})),
    ],
)
def test_an_index_that_leads_elsewhere_does_not_serve(index: Index, need: Need) -> None:
    """It leaves out rows, is no order, or makes many be read for nothing."""
    assert not serves(index, need)


def test_the_statement_makes_an_index_that_serves() -> None:
    """Names are quoted, values are literals, and a partition is named apart."""
    assert statement(EXPIRED, ["shop", "memory"]) == (
        'CREATE INDEX CONCURRENTLY ON "shop"."memory" ("source", "expires_at", "id")'
    )
    assert statement(STUCK, ["shop", 'Parcel"; x']) == (
        'CREATE INDEX CONCURRENTLY ON "shop"."Parcel""; x" ("moved", "id") WHERE "the state" = \'leaving\''
    )
    assert statement(LOOKUP, ["shop", "receipt"], concurrently=False) == 'CREATE INDEX ON "shop"."receipt" ("parcel")'


def test_rows_of_one_time_are_told_apart_by_the_key_in_the_index() -> None:
    """Only by an index that serves, and that has the key next."""
    assert tells_apart(Index(("source", "expires_at", "id")), EXPIRED)
    assert not tells_apart(Index(("source", "expires_at")), EXPIRED)
    assert not tells_apart(Index(("source", "expires_at", "topic", "id")), EXPIRED)
    assert not tells_apart(Index(("expires_at", "id")), EXPIRED)
    assert not tells_apart(Index(("parcel",)), LOOKUP)
