"""Specifications of charts: valid, complete without data, and the same in Python and in the browser's files."""

import json
import math
import re
from importlib import resources

import jsonschema
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st

from tests.support import ROOT
from tracker_nb.charts import generate, palette
from tracker_nb.charts.line import DARK, DIRECT_LABELS, LIGHT, Line, filled, line, rows

NAN, INF = math.nan, math.inf


@pytest.fixture(scope="module")
def schema():
    found = resources.files("altair.vegalite.v6.schema").joinpath("vega-lite-schema.json")
    return json.loads(found.read_text(encoding="utf-8"))


def errors(spec, schema):
    # Not jsonschema.validate(): it first checks the schema, whose names hold characters that a reference must not have.
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(spec)]


def svg(lines, **settings):
    return vl_convert.vegalite_to_svg(filled(line(**settings), rows(lines)), vl_version="6.4")


def strokes(picture):
    """The paths drawn as lines: (colour, path)."""
    return [
        (re.search(r'stroke="(#[0-9a-f]{6})"', tag)[1], re.search(r' d="([^"]*)"', tag)[1])
        for tag in re.findall(r"<path[^>]*>", picture)
        if 'stroke-width="1.5"' in tag and 'd="' in tag
    ]


@pytest.mark.parametrize("name", list(generate.files()))
def test_the_files_of_the_front_end_are_what_python_makes(name):
    checked_in = (ROOT / "labextension" / "src" / "panels" / "specs" / name).read_text(encoding="utf-8")
    assert checked_in == generate.files()[name], "run `python -m tracker_nb.charts.generate`"


@pytest.mark.parametrize(
    "settings",
    [{}, {"x": "time"}, {"theme": DARK, "title": "loss"}, {"legend": [("a", "#0072b2"), ("b", "#d55e00")]}],
    ids=["plain", "time", "dark", "legend"],
)
def test_a_line_panel_is_valid_against_the_schema_of_vega_lite_6(schema, settings):
    assert errors(filled(line(**settings), rows([Line("r", "a", [0, 1], [1.0, NAN])])), schema) == []


def test_the_schema_refuses_what_is_none_of_it(schema):
    assert errors({**line(), "layer": [{"mark": "lien"}]}, schema)


def test_a_specification_holds_no_data():
    assert line()["datasets"] == {"lines": [], "points": [], "edges": [], "labels": []}


def test_filling_leaves_the_specification_empty():
    spec = line()
    filled(spec, rows([Line("r", "a", [0], [1.0])]))
    assert spec["datasets"]["lines"] == []


def test_nan_breaks_the_line_and_is_marked_at_the_edge():
    run = Line("r", "a", [0, 1, 2, 3, 4], [1.0, 2.0, NAN, 2.0, 1.0])

    [(_, path)] = strokes(svg([run]))

    assert path.count("M") == 2
    assert rows([run])["edges"] == [{"run": "r", "label": "a", "color": palette.colour("r"), "x": 2.0, "kind": "nan"}]


@pytest.mark.parametrize(("value", "kind"), [(INF, "+inf"), (-INF, "-inf"), (NAN, "nan")])
def test_what_the_axis_cannot_hold_is_an_edge_and_never_a_value(value, kind):
    made = rows([Line("r", "a", [5], [value])])
    assert [row["kind"] for row in made["edges"]] == [kind]
    assert made["lines"][0]["last"] is None
    json.dumps(made, allow_nan=False)


def test_each_run_has_one_line_in_its_own_colour():
    drawn = strokes(svg([Line("one", "a", [0, 1], [1, 2]), Line("two", "b", [0, 1], [2, 1], color="#ABCDEF")]))
    assert {color for color, _ in drawn} == {palette.colour("one"), "#abcdef"}


def test_buckets_have_a_band_from_min_to_max_and_exact_points_have_none():
    exact = Line("r", "a", [0, 1], [1.0, 2.0])
    bucketed = Line("r", "a", [0, 1], [1.0, 2.0], min=[0.5, 1.5], max=[3.0, 4.0])
    assert 'opacity="0.25"' not in svg([exact])
    assert 'opacity="0.25"' in svg([bucketed])


def test_the_last_point_of_a_live_run_is_a_dot_and_a_finished_run_has_none():
    live = Line("r", "a", [0, 1, 2], [1.0, 2.0, NAN], live=True)
    ended = Line("s", "b", [0, 1], [1.0, 2.0])
    assert [(row["run"], row["x"], row["last"]) for row in rows([live, ended])["points"]] == [("r", 1.0, 2.0)]


def test_up_to_four_lines_carry_their_names_and_a_single_one_needs_none():
    def names(count):
        return [row["label"] for row in rows(Line(f"r{i}", f"run-{i}", [0], [1.0]) for i in range(count))["labels"]]

    assert names(1) == []
    assert names(DIRECT_LABELS) == ["run-0", "run-1", "run-2", "run-3"]
    assert names(DIRECT_LABELS + 1) == []


def test_a_legend_names_the_lines_that_are_too_many_for_labels():
    picture = svg([Line("r", "calm-hill-3", [0, 1], [1.0, 2.0])], legend=[("calm-hill-3", "#0072b2")])
    assert ">calm-hill-3</text>" in picture


def test_a_point_with_nothing_beside_it_is_a_dot_since_no_line_shows_it():
    def dots(*values, **more):
        return [row["x"] for row in rows([Line("r", "a", range(len(values)), values, **more)])["points"]]

    assert dots(0.4) == [0]
    assert dots(0.4, live=True) == [0]
    assert dots(1, 2, NAN, 3, NAN, 4, 5) == [3]
    assert dots(NAN, 2, math.inf, 3) == [1, 3]
    assert dots(1, 2, 3) == []


@pytest.mark.parametrize(
    ("values", "tick"),
    [
        ([0, 50_000], "50k"),
        ([0, 0.0004], "4e-4"),
        ([0.1, 0.9], "0.8"),
        ([1, 1200], "1000"),
        ([0.402521, 0.402521], "0.403"),
        ([1234567, 1234567], "1.23M"),
        ([0.00123456, 0.00123456], "0.00123"),
        ([0.000123456, 0.000123456], "1.23e-4"),
        ([0.40251, 0.40253], "0.40252"),
    ],
)
def test_ticks_are_short(values, tick):
    assert tick in [
        text.replace("\u2212", "-") for text in re.findall(r">([^<]+)</text>", svg([Line("r", "a", [0, 1], values)]))
    ]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_theme_colours_the_background_and_the_words(theme):
    picture = svg([Line("r", "a", [0, 1], [1.0, 2.0])], theme=theme, title="loss")
    assert f'fill="{theme.background}"' in picture
    assert f'fill="{theme.foreground}"' in picture


def test_the_colour_of_a_run_follows_from_its_id_alone():
    vector = json.loads(
        (ROOT / "labextension" / "tests" / "panels" / "palette.vector.json").read_text(encoding="utf-8")
    )
    assert {run: palette.index(run) for run in vector} == vector


@given(st.text(max_size=20))
def test_every_id_has_a_colour(run):
    assert palette.colour(run) in palette.HUES


def test_a_colour_that_a_person_chose_wins_and_one_that_is_none_is_ignored():
    assert palette.colour("r", "#12AB34") == "#12ab34"
    assert palette.colour("r", "red; background: url(x)") == palette.colour("r")


def test_ids_spread_over_all_hues():
    found = [palette.index(f"{number:08x}") for number in range(4000)]
    assert all(100 < found.count(hue) < 300 for hue in range(len(palette.HUES)))


def _light(color):
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("hue", palette.HUES)
def test_every_hue_can_be_seen_on_white_and_on_black(hue):
    on_white = 1.05 / (_light(hue) + 0.05)
    on_dark = (_light(hue) + 0.05) / (_light("#111111") + 0.05)
    assert on_white >= 2.2
    assert on_dark >= 2.2
