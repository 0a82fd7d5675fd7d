"""The statements of a retention, composed for the user's own table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from tickover.maintenance.progress import Place
from tickover.maintenance.tables import identifier

_DELETE = sql.SQL("""
WITH due AS MATERIALIZED (
  SELECT {alias}.ctid AS tid, {since} AS since, {key} AS key FROM ONLY {part} AS {alias} WHERE {due}
  ORDER BY {order} LIMIT %(limit)s FOR UPDATE OF {alias} SKIP LOCKED
), {children} gone AS (
  DELETE FROM ONLY {part} WHERE ctid = ANY (ARRAY (SELECT tid FROM due)) RETURNING 1
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM gone), last.since::text, last.key::text
FROM (SELECT) AS one LEFT JOIN LATERAL (SELECT since, key FROM due ORDER BY since DESC, key DESC LIMIT 1) AS last
  ON true
""")
# A range of the index: a sixth less of the server's time than rows that are locked first, but locks are waited for.
_DELETE_RANGE = sql.SQL("""
WITH last AS MATERIALIZED (
  SELECT {since} AS since, {key} AS key FROM ONLY {part} AS {alias} WHERE {due}
  ORDER BY {order} LIMIT 1 OFFSET %(limit)s - 1
), gone AS (
  DELETE FROM ONLY {part} AS {alias} WHERE {due} AND ({since}, {key}) <= (SELECT since, key FROM last) RETURNING 1
)
SELECT %(limit)s::bigint, (SELECT count(*) FROM gone), since::text, key::text FROM last
""")
_CHILD = sql.SQL("child_{number} AS (DELETE FROM {table} AS child USING due WHERE child.{column} = due.key),")
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM ONLY {part} AS {alias} WHERE {due} LIMIT %(limit)s) AS due")
_SKIP = sql.SQL("""
SELECT {since}::text, {key}::text FROM ONLY {part} AS {alias} WHERE {due} ORDER BY {order} LIMIT 1 OFFSET %(over)s
""")


@dataclass(frozen=True, slots=True)
class Child:
    """A table whose rows go before those of the table that is pruned, in the same batch.

    For what hangs on a row without `ON DELETE CASCADE`. Give it an index on `column`.

    Args:
        table: its name, `schema.table`.
        column: the column that holds the key of the row it hangs on.
    """

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a table are meant. The values are `before`, `only_0` and so on, and `client_id`.

    Args:
        table: its name, `schema.table`; conditions may refer to it by the last part of that, in partitions too.
        since: the column of their time.
        key: the column that identifies a row.
        only: columns that must have a value.
        where: a further condition, in SQL, trusted.
        client: the column of the client, where a run is narrowed to one.
        children: what goes with them.
    """

    table: str
    since: str
    key: str
    only: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    client: str | None = None
    children: Sequence[Child] = ()

    def delete(self, part: Iterable[str], after: Place | None, *, apart: bool) -> sql.Composed:
        """Delete the next `limit` rows: how many were due, how many went, and the time and the key of the last.

        A row is found by its place on the disk, not by its key: it is locked, so it cannot move.

        Args:
            part: the table or partition.
            after: the row that the walk has come to.
            apart: whether rows are walked in the order of time and key, or of time alone.
        """
        children = [
            _CHILD.format(
                number=sql.SQL(str(number)), table=identifier(child.table), column=sql.Identifier(child.column)
            )
            for number, child in enumerate(self.children)
        ]
        return _DELETE.format(children=sql.SQL(" ").join(children), **self._names(part, after, apart=apart))

    def delete_range(self, part: Iterable[str], after: Place | None) -> sql.Composed:
        """As `delete`, in the order of time and key, where rows that others have locked are waited for.

        No row, and nothing is deleted, where fewer than `limit` are due. Without children only.
        """
        return _DELETE_RANGE.format(**self._names(part, after, apart=True))

    def skip(self, part: Iterable[str], after: Place | None, *, apart: bool) -> sql.Composed:
        """The time and the key of the row that lies `over` rows further on."""
        return _SKIP.format(**self._names(part, after, apart=apart))

    def count(self, part: Iterable[str], after: Place | None, *, apart: bool) -> sql.Composed:
        """How many rows are due, up to `limit`."""
        return _COUNT.format(**self._names(part, after, apart=apart))

    def _names(self, part: Iterable[str], after: Place | None, *, apart: bool) -> dict[str, sql.Composable]:
        since, key = sql.Identifier(self.since), sql.Identifier(self.key)
        conditions = self._conditions()
        if after is not None and apart:
            conditions.append(sql.SQL("({}, {}) > (%(after_since)s, %(after_key)s)").format(since, key))
        elif after is not None:
            conditions.append(sql.SQL("{} >= %(after_since)s").format(since))
        return {
            "part": identifier(part),
            "alias": sql.Identifier(self.table.split(".")[-1]),
            "since": since,
            "key": key,
            "order": sql.SQL(", ").join([since, key] if apart else [since]),
            "due": sql.SQL(" AND ").join(conditions),
        }

    def _conditions(self) -> list[sql.Composable]:
        """When a row's time is over; a column without a value never meets it."""
        conditions: list[sql.Composable] = [sql.SQL("{} < %(before)s").format(sql.Identifier(self.since))]
        conditions += [
            sql.SQL("{} = {}").format(sql.Identifier(column), sql.Placeholder(f"only_{place}"))
            for place, column in enumerate(self.only)
        ]
        if self.client is not None:
            conditions.append(sql.SQL("{} = %(client_id)s").format(sql.Identifier(self.client)))
        if self.where is not None:  # the line's end closes a comment, should it end in one
            conditions.append(sql.SQL("({}\n)").format(sql.SQL(self.where.replace("%", "%%"))))
        return conditions


def drop_partition(table: str, part: Iterable[str]) -> sql.Composed:
    """Detach a partition from its table and drop it, as one statement, so that one limit of time holds for both."""
    both = sql.SQL("BEGIN ALTER TABLE {table} DETACH PARTITION {part}; DROP TABLE {part}; END").format(
        table=identifier(table), part=identifier(part)
    )
    return sql.SQL("DO {}").format(sql.Literal(both.as_string()))


def has_rows(part: Iterable[str]) -> sql.Composed:
    """Whether a table has any row at all."""
    return sql.SQL("SELECT EXISTS (SELECT FROM {})").format(identifier(part))
