"""Which index a piece of maintenance needs, whether one there is serves it, and the statement that makes it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_CAST = re.compile(r'::[a-z_"][\w". ]*(\[\])?')


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table.

    Args:
        columns: its columns in order; an expression is the empty string.
        predicate: the condition of a partial index, as PostgreSQL prints it.
        is_ordered: whether it can be walked in order (btree), or only asked for a value (hash).
    """

    columns: tuple[str, ...]
    predicate: str | None = None
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """What an index has to do.

    Args:
        table: whose index: schema and name.
        equal: columns that are compared with a value; with that, or None where it differs from question to question.
        then: the column in whose order rows are walked; None where rows are only looked up.
        key: the column that tells rows of the same time apart.
        where: a further condition of the rows that are asked for, in SQL.
        is_partial: whether the index to be made leaves out all other rows.
    """

    table: tuple[str, ...]
    equal: Mapping[str, str | None] = field(default_factory=dict)
    then: str | None = None
    key: str | None = None
    where: str | None = None
    is_partial: bool = False


def serves(index: Index, need: Need) -> bool:
    """Whether an index leads straight to the rows, and through them in the order of `then`."""
    fixed = _fixed(index.predicate, need)
    if fixed is None:
        return False
    asked = set(need.equal) - fixed
    if need.then is None:
        return bool(asked) and set(index.columns[: len(asked)]) == asked
    if not index.is_ordered or need.then not in index.columns:
        return False
    return asked <= set(index.columns[: index.columns.index(need.then)]) <= set(need.equal)


def tells_apart(index: Index, need: Need) -> bool:
    """Whether an index that serves goes on with the key, so that rows of the same time have an order too."""
    if need.then is None or need.key is None or not serves(index, need):
        return False
    place = index.columns.index(need.then)
    return index.columns[place + 1 : place + 2] == (need.key,)


def statement(need: Need, table: Iterable[str], *, concurrently: bool = True) -> str:
    """The statement that makes the index that is needed.

    Args:
        need: what for.
        table: schema and name of the table, or of the partition.
        concurrently: without keeping writers out; not possible on a partitioned table as a whole.
    """
    walked = [column for column in (need.then, need.key if need.then else None) if column is not None]
    condition = ""
    if need.is_partial:
        terms = [f"{_quoted(column)} = {_literal(value)}" for column, value in need.equal.items() if value is not None]
        condition = f" WHERE {' AND '.join(terms)}"
    columns = [*([] if need.is_partial else need.equal), *walked]
    how = " CONCURRENTLY" if concurrently else ""
    names = ", ".join(map(_quoted, columns))
    return f"CREATE INDEX{how} ON {'.'.join(map(_quoted, table))} ({names}){condition}"


def _fixed(predicate: str | None, need: Need) -> set[str] | None:
    """The columns that a partial index holds one value of; None where it leaves out rows that are asked for."""
    if predicate is None:
        return set()
    values = {
        _plain(f"{column} = {_literal(value)}"): column for column, value in need.equal.items() if value is not None
    }
    walked = {column for column in (need.then, *need.equal) if column is not None}
    known = {_plain(f"{column} IS NOT NULL") for column in walked} | set(_terms(need.where or ""))
    terms = set(_terms(predicate))
    return {values[term] for term in terms & values.keys()} if terms <= values.keys() | known else None


def _terms(condition: str) -> Iterator[str]:
    """What a condition is joined of by AND; one with OR in it is one term."""
    parts = [condition] if re.search(r"\bOR\b", condition, re.IGNORECASE) else re.split(r"(?i)\bAND\b", condition)
    yield from (plain for part in parts if (plain := _plain(part)))


def _plain(term: str) -> str:
    """A condition without casts, brackets and the quotes of names, to be compared as text."""
    bare = _CAST.sub("", term)
    return " ".join(re.sub(r'[()"]', " ", bare).split()).lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | None) -> str:
    return "'" + str(value).replace("'", "''") + "'"
