"""What a table of the command line shows, however narrow."""

import pytest
from rich.console import Console
from rich.table import Table

from tickover.cli.tables import cell, paper, plain_table, signed_table

ROW = ("1471", "email_inbound_post_process", "birch-studio", "running", "the mail server did not answer " * 20)


def printed(console: Console) -> str:
    """The table on that console."""
    table = plain_table(["id", "kind", "client", "state", "error"])
    table.add_row(*map(cell, ROW))
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize("width", [60, 80, 120, 300])
def test_nothing_is_cut_off_on_a_terminal(width: int) -> None:
    """Whatever its width: each character of each cell is there, and no line is longer than the terminal is wide."""
    lines = printed(Console(width=width)).splitlines()
    assert max(map(len, lines)) <= width
    shown = sorted("".join(lines[1:]).replace(" ", ""))
    assert shown == sorted("".join(ROW).replace(" ", ""))


def test_in_a_pipe_a_row_is_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So that `grep` finds what it looks for; where COLUMNS says how wide it is to be, it is that wide."""
    monkeypatch.delenv("COLUMNS", raising=False)
    table = plain_table(["id", "kind", "client", "state", "error"])
    table.add_row(*map(cell, ROW))
    paper().print(table)
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "kind", "client", "state", "error"]
    assert [text for text in ROW if text not in row] == []
    monkeypatch.setenv("COLUMNS", "80")
    paper().print(table)
    assert max(map(len, capsys.readouterr().out.splitlines())) == 80


def test_a_status_fits_eighty_columns() -> None:
    """The usual one, with a name of 23 characters: each function is one line."""
    table = plain_table(["job", "status", "path", "started", "ms", "try", "error"])
    row = ("process-background-jobs", "succeeded", "durable", "11-27 13:51:07", "18.557", "1", "-")
    table.add_row(*map(cell, row))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    assert capture.get().splitlines()[1].split() == " ".join(row).split()


def test_a_word_that_is_wider_than_its_column_is_not_cut_off() -> None:
    """A payload or a URL has no blanks to wrap at; in tables of every kind, in cells as well."""
    word = "https://app.example.com/" + "0123456789" * 20
    signed, card = signed_table(), Table(show_header=False)
    signed.add_row("?", word, word)
    card.add_row("payload", cell(word))
    console = Console(width=60)
    for table, times in ((signed, 2), (card, 1)):
        with console.capture() as capture:
            console.print(table)
        assert capture.get().count("9") == word.count("9") * times
        assert "…" not in capture.get()
