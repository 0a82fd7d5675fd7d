"""A proof as JSON and as JUnit XML. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from tickover.verify.proof.lines import Line, Verdict

PROVEN, WRONG, UNPROVEN = 0, 1, 2
"""Exit codes: all that is required passes; something fails; nothing fails, and something required is not proven."""


def exit_code(lines: Sequence[Line]) -> int:
    """What the command ends with."""
    if any(line.verdict is Verdict.FAIL for line in lines):
        return WRONG
    open_ = any(line.verdict is Verdict.NOT_PROVEN and line.is_required for line in lines)
    return UNPROVEN if open_ or not lines else PROVEN


def as_json(subject: str, lines: Sequence[Line]) -> dict[str, Any]:
    """The proof as a JSON object.

    Args:
        subject: what was looked at.
        lines: what came of it.
    """
    return {"subject": subject, "proven": exit_code(lines) == PROVEN, "lines": [line_as_json(line) for line in lines]}


def line_as_json(line: Line) -> Mapping[str, Any]:
    """A line as a JSON object."""
    return {
        "name": line.name,
        "verdict": str(line.verdict),
        "seen": line.seen,
        "remedy": line.remedy,
        "required": line.is_required,
    }


def as_junit(suite: str, lines: Sequence[Line]) -> str:
    """The proof as JUnit XML: a test case a line; one that is required and not proven counts as an error.

    Args:
        suite: what was looked at.
        lines: what came of it.
    """
    cases = [_case(suite, line) for line in lines]
    counts = {kind: str(sum(case.find(kind) is not None for case in cases)) for kind in ("failure", "error", "skipped")}
    root = ET.Element(
        "testsuite",
        {
            "name": f"tickover {suite}",
            "tests": str(len(cases)),
            "failures": counts["failure"],
            "errors": counts["error"],
            "skipped": counts["skipped"],
        },
    )
    root.extend(cases)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _case(suite: str, line: Line) -> ET.Element:
    case = ET.Element("testcase", {"classname": f"tickover {_plain(suite)}", "name": _plain(line.name)})
    kind = {Verdict.FAIL: "failure", Verdict.NOT_PROVEN: "error" if line.is_required else "skipped"}.get(line.verdict)
    if kind is None:
        ET.SubElement(case, "system-out").text = _plain(line.seen)
    else:
        told = ET.SubElement(case, kind, {"message": _plain(line.seen)})
        told.text = _plain(f"{line.seen}\ndo: {line.remedy}")
    return case


def _plain(text: str) -> str:
    """A text without the characters that XML has no place for."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
