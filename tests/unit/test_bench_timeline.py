import math
import xml.etree.ElementTree as ET

import pytest
from bench.timeline import NEAR_MS, SHOWN_S, Batch, Shares, Timeline, Update, draw, since_nearest_ms

BATCHES = [Batch(100.0, 100.049), Batch(100.05, 100.099), Batch(100.1, 100.2)]
SLOW = [Update(100.001, 10.0, 8.0), Update(100.054, 8.0, 6.0), Update(100.097, 9.0, 1.0), Update(100.13, 5.0, 5.0)]
FAST = [Update(100.02, 1.0, 0.0), Update(100.03, 1.0, 0.0), Update(100.052, 1.0, 0.0), Update(100.15, 1.0, 0.0)]
SEEN = Timeline([*SLOW, *FAST], BATCHES, 4.0)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(timeline: Timeline) -> ET.Element:
    """The picture, read."""
    return ET.fromstring(draw("Updates < batches & more", timeline))  # noqa: S314 - our own text


def marks(root: ET.Element, kind: str, *of: str) -> list[tuple[float, ...]]:
    """These figures of all marks of a kind."""
    return [tuple(float(mark.attrib[name]) for name in of) for mark in root.iter() if mark.get("class") == kind]


def test_shares_are_of_the_slow_ones_and_beside_them_of_all() -> None:
    """Two of four slow ones began just after a batch did, one just before; three of all eight, and one."""
    shares = Shares.of(SEEN)
    assert (shares.updates, shares.slow) == (8, 4)
    assert (shares.after, shares.before) == (0.5, 0.25)
    assert (shares.all_after, shares.all_before) == (3 / 8, 1 / 8)
    assert shares.waited == pytest.approx(20 / 32)
    assert shares.all_waited == pytest.approx(20 / 36)
    assert "4 of 8 updates were slow. 50% of these began in the first 5 ms of a batch, 25% in" in shares.lines()[0]


def test_the_nearest_beginning_counts_and_its_limit_is_near() -> None:
    """On either side; one beyond is not near."""
    assert since_nearest_ms(100.049, BATCHES) == pytest.approx(-1)
    assert since_nearest_ms(100.06, BATCHES) == pytest.approx(10)
    batch, beyond = [Batch(0.0, 1.0)], NEAR_MS / 1000 + 0.001
    updates = [Update(beyond, 9.0, 0.0), Update(-beyond, 9.0, 0.0), Update(0.0, 9.0, 0.0)]
    shares = Shares.of(Timeline(updates, batch, 4.0))
    assert (shares.after, shares.before) == (1 / 3, 0.0)


def test_without_slow_ones_no_share_of_them_is_told() -> None:
    """Nor where the wait for a core is not known is that told."""
    shares = Shares.of(Timeline([Update(100.0, 1.0, math.nan)], BATCHES, 4.0))
    assert math.isnan(shares.after)
    assert shares.lines() == ["0 of 1 updates were slow."]


def test_bands_are_to_scale() -> None:
    """Each begins and is as wide as its batch is long."""
    (x, width), (other, _), (_, longer) = marks(drawn(SEEN), "batch", "x", "width")
    assert longer / width == pytest.approx(0.1 / 0.049, rel=0.01)
    assert (other - x) / width == pytest.approx(0.05 / 0.049, rel=0.01)


def test_dots_are_to_scale() -> None:
    """Along the seconds as the bands are, and upwards by the logarithm: a decade is as high as the next."""
    updates = [Update(100.0, 0.1, 0), Update(100.05, 1.0, 0), Update(100.1, 10.0, 0), Update(100.1, 1000.0, 0)]
    root = drawn(Timeline(updates, BATCHES, 4.0))
    dots, bands = marks(root, "update", "cx", "cy"), marks(root, "batch", "x", "y", "height")
    assert [x for x, _ in dots[:3]] == [x for x, _, _ in bands]
    heights = [y for _, y in dots]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] == bands[0][1] + bands[0][2]
    assert heights[3] == bands[0][1]  # beyond the axis is at its end


def test_the_limit_is_between_the_slow_and_the_fast() -> None:
    """Dots above the line have another colour than those below it."""
    root = drawn(SEEN)
    line = next(mark.attrib["d"] for mark in root.iter(f"{SVG}path") if mark.get("class") == "limit")
    height = float(line.split()[1].split("H")[0])
    dots = [(float(dot.attrib["cy"]) < height, dot.attrib["fill"]) for dot in root.iter(f"{SVG}circle")]
    assert len(dots) == 8
    above, below = ({colour for is_above, colour in dots if is_above is wanted} for wanted in (True, False))
    assert len(above) == 2  # near a beginning, and elsewhere
    assert not above & below
    assert root.find(f"{SVG}text").text == "Updates < batches & more"  # type: ignore[union-attr]


def test_only_the_first_seconds_are_drawn_and_all_are_counted() -> None:
    """The second round of a measurement is in the words alone."""
    later = 100.0 + SHOWN_S + 1
    more = Timeline([*SEEN.updates, Update(later, 9.0, 9.0)], [*BATCHES, Batch(later, later + 0.05)], 4.0)
    root = drawn(more)
    assert len(marks(root, "batch", "x")) == 3
    assert len(marks(root, "update", "cx")) == 8
    assert any((text.text or "").startswith("5 of 9 updates were slow.") for text in root.iter(f"{SVG}text"))
