"""The figures that README and docs/why.md quote are those that were measured."""

import json
import re

import pytest

from tests.benchmarks import first_chart_page, readme
from tests.benchmarks.first_chart_tools import TOOLS


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: page.name)
def test_the_table_of_peers_is_that_of_the_page_of_performance(page):
    quoted = page.read_text("utf-8").partition(readme.BEGIN)[2].partition(readme.END)[0].strip()
    assert quoted == readme.table(readme.PERFORMANCE.read_text("utf-8"))
    assert len(quoted.splitlines()) == 2 + len(readme.ROWS)


def test_the_table_of_first_charts_is_made_of_the_figures():
    figures, page = first_chart_page.FIGURES.read_text("utf-8"), first_chart_page.PAGE.read_text("utf-8")
    assert first_chart_page.with_table(page, first_chart_page.table(figures)) == page
    assert set(json.loads(figures)["tools"]) == {tool.name for tool in TOOLS}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_lines_of_code_that_are_counted_are_those_that_were_run(tool):
    run = re.sub(r"\s+", " ", tool.training)
    for line in tool.tracking:
        if line == "import tracker_nb":  # a cell of its own
            continue
        code = line.removeprefix("with ").removesuffix(":")  # a `with` of MLflow is run as a call
        assert code in run, line


def test_a_chart_that_stood_still_is_said_to_stand_still():
    figures = json.loads(first_chart_page.FIGURES.read_text("utf-8"))
    figures["tools"]["trackio"]["moved_after_s"] = None
    row = next(line for line in first_chart_page.table(json.dumps(figures)).splitlines() if "moves by itself" in line)
    assert "no, not in" in row
