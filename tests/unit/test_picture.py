"""The picture of a dashboard: what is on it, how large it may become, what it is drawn from."""

import io
import json
import random
from contextlib import closing

import pytest

pytest.importorskip("vl_convert")
pytest.importorskip("PIL.Image")

from PIL import Image

import tracker_nb
from tracker_nb.charts import generate, line, picture
from tracker_nb.charts.picture import MOST_BYTES, MOST_PANELS, Header, Panel
from tracker_nb.errors import MissingExtra
from tracker_nb.notebook import picturing
from tracker_nb.query.reading import Reader
from tracker_nb.store.place import Place


def noise(names, points=236, runs=1):
    """Panels of lines that compress badly."""
    chance = random.Random(1)
    return [
        Panel(
            f"m{name}",
            [
                line.Line(f"r{r}", f"run-{r}", range(points), [chance.gauss(0, 1) for _ in range(points)])
                for r in range(runs)
            ],
        )
        for name in range(names)
    ]


def page(header, panels, more=0):
    """The SVG of a picture, as text."""
    return picture._page(header, ["<svg/>"] * len(panels), more, line.LIGHT)[0]


def test_a_picture_is_a_png_of_the_size_it_says_at_twice_the_pixels():
    made = picture.picture(Header("run", "#0072b2", ["digits", "Finished"]), noise(4))
    opened = Image.open(io.BytesIO(made.png))
    assert opened.format == "PNG"
    assert opened.size == (2 * made.width, 2 * made.height)


def test_lines_are_drawn_in_the_colour_of_their_run_on_a_light_ground():
    panel = Panel("loss", [line.Line("r", "run", [0, 1, 2], [0.0, 1.0, 0.5], color="#d55e00")])
    made = picture.picture(Header("run"), [panel])
    colors = Image.open(io.BytesIO(made.png)).convert("RGB").getcolors(1 << 20)
    near = [
        count for count, color in colors if sum(abs(a - b) for a, b in zip(color, (0xD5, 0x5E, 0), strict=True)) < 24
    ]
    assert sum(near) > 200
    assert max(colors)[1] == (255, 255, 255)


def test_the_worst_twelve_panels_of_ten_runs_stay_within_the_limit_of_a_saved_notebook():
    made = picture.picture(Header("p", legend=[(f"run-{n}", "") for n in range(10)]), noise(12, runs=10))
    assert 20_000 < len(made.png) <= MOST_BYTES


def test_a_picture_that_is_too_large_has_fewer_pixels_then_fewer_panels(monkeypatch):
    whole = picture.picture(Header("p"), noise(12))
    monkeypatch.setattr(picture, "MOST_BYTES", len(whole.png) - 1)
    smaller = picture.picture(Header("p"), noise(12))
    assert (smaller.width, smaller.height) == (whole.width, whole.height)
    assert Image.open(io.BytesIO(smaller.png)).size[0] < 2 * whole.width

    monkeypatch.setattr(picture, "MOST_BYTES", len(whole.png) // 8)
    fewer = picture.picture(Header("p"), noise(12))
    assert fewer.height < whole.height
    assert len(fewer.png) <= len(whole.png) // 8


def test_at_most_twelve_panels_are_drawn_and_the_rest_is_counted(monkeypatch):
    said = []
    true_page = picture._page
    monkeypatch.setattr(picture, "_page", lambda *a: said.append((len(a[1]), a[2])) or true_page(*a))
    picture.picture(Header("p"), noise(MOST_PANELS + 2, points=2), more=3)
    assert said == [(MOST_PANELS, 5)]
    assert "+ 5 more metrics" in page(Header("p"), [], 5)
    assert "more" not in page(Header("p"), [], 0)


def test_names_are_text_whatever_is_in_them():
    name = '<script>alert("1")</script>&\x00\x1b[31m\ud800'
    made = page(Header(name, facts=[name], values=[(name, "1")], legend=[(name, 'red" onload="x')]), [])
    assert "<script" not in made
    assert not any(character in made for character in "\x00\x1b\ud800")
    assert "onload" not in made
    picture.picture(Header(name), [Panel(name, [line.Line("r", name, [0, 1], [1, 2])])])


def test_nothing_logged_yet_is_a_picture_of_the_header_alone():
    made = picture.picture(Header("run", facts=["digits"]), [])
    assert made.height < 100
    assert made.png.startswith(b"\x89PNG")


@pytest.mark.parametrize("values", [[float("nan")] * 3, [float("inf"), 1, 2], [5.0], []])
def test_values_that_are_no_numbers_and_lines_of_one_point_are_drawn(values):
    panel = Panel("x", [line.Line("r", "run", range(len(values)), values)])
    assert picture.picture(Header("run"), [panel]).png.startswith(b"\x89PNG")


def test_the_specification_that_the_package_carries_is_the_one_that_altair_makes():
    pytest.importorskip("altair")
    for name, content in generate.packaged().items():
        assert json.loads((generate.PACKAGED / name).read_text("utf-8")) == json.loads(content), "make specs"


def test_without_the_libraries_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tracker_nb\[notebook\]'"):
        picture.picture(Header("run"), [])


def test_a_panel_over_another_metric_says_so_and_has_room_for_its_name():
    spec = picture._spec(Panel("val/acc", [], "val/a_long_epoch"), line.LIGHT)

    assert spec["title"]["text"] == "val/acc over val/a_long_epoch"
    assert {layer["encoding"]["x"]["title"] for layer in spec["layer"]} == {"a_long_…"}
    assert {layer["encoding"]["x"]["title"] for layer in picture._spec(Panel("loss", []), line.LIGHT)["layer"]} == {
        "step"
    }


def test_a_metric_is_drawn_over_the_x_axis_of_its_definition_once_that_is_logged(store):
    with tracker_nb.init(project="p") as run:
        run.define_metric("val/*", step_metric="val/epoch")
        run.define_metric("lonely", step_metric="never")
        for epoch in (10, 20):
            run.log({"loss": 1.0})
            run.log({"val/acc": epoch, "val/epoch": epoch, "lonely": 1.0})
    with closing(Reader(Place(store))) as reader:
        panels, more = picturing._panels(reader, [tracker_nb.Api().run(run.path)._state])

    assert more == 0
    assert {panel.title: (panel.x, list(panel.lines[0].x)) for panel in panels} == {
        "loss": (None, [0, 2]),
        "val/acc": ("val/epoch", [10, 20]),
        "val/epoch": (None, [1, 3]),
        "lonely": (None, [1, 3]),
    }
