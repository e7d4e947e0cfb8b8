"""The line that says how a run stands against the best and the last one of its project."""

import pytest

from tests.browser.looking import dashboard, wait_for_text, wait_until
from tests.browser.stored import displays, logged

MINUS = "\u2212"
THREE = """
def train(name, curves, **definition):
    with tracker_nb.init(project="{project}", name=name, id=name) as run:
        if definition:
            run.define_metric("accuracy", **definition)
        for accuracy, other in zip(curves, reversed(curves)):
            run.log({{"accuracy": accuracy, "other": other}})

definition = {definition}
train("steep", [0.5, 0.75, 0.9375], **definition)
train("peak", [0.5, 0.96875, 0.5], **definition)  # its best is not its last
train("late", [0.25, 0.875, 0.8125], **definition)
"""


def against(notebook):
    """What stands at the end of the figures, a line for each run."""
    return dashboard(notebook, 0).locator(".tnb-against > span").all_inner_texts()


def opened(jupyter, context, app, project, run="late", **definition):
    logged(jupyter, THREE, project=project, definition=definition)
    notebook = displays(jupyter, context, app, f"{project}-{app}.ipynb", f"{project}/{run}")
    wait_for_text(notebook, 0, "last (", seconds=20)
    wait_until(notebook.page, lambda: "vs best" in str(against(notebook)) or not definition.get("goal"), 10, "no best")
    return notebook


@pytest.fixture(autouse=True)
def _kernels(jupyter):
    yield
    jupyter.shut_down_kernels()


@pytest.mark.parametrize("app", ["lab"])
def test_with_a_goal_the_best_run_is_named_with_best_against_best(jupyter, context, app):
    notebook = opened(jupyter, context, app, "best-goal", goal="maximize", summary="max")

    # 0.875, the most of "late", against the most of "peak" and not against its last value.
    assert against(notebook) == [f"vs best and last (peak): accuracy {MINUS}0.09375, other {MINUS}0.25"]
    boxes = dashboard(notebook, 0).locator(".tnb-compare label").all_inner_texts()
    assert [box.strip() for box in boxes[:1]] == ["peak (best, last)"]


@pytest.mark.parametrize("app", ["lab"])
def test_where_less_is_better_the_best_is_another_one(jupyter, context, app):
    notebook = opened(jupyter, context, app, "best-less", goal="minimize")

    # No summary was defined: last values are compared, and the last of "peak" is the least.
    assert against(notebook) == [f"vs best and last (peak): accuracy +0.3125, other {MINUS}0.25"]


@pytest.mark.parametrize("app", ["lab"])
def test_the_best_and_the_last_run_each_have_a_line_and_only_the_last_one_metrics_of_no_direction(
    jupyter, context, app
):
    notebook = opened(jupyter, context, app, "best-apart", goal="maximize")

    assert against(notebook) == [
        f"vs best (steep): accuracy {MINUS}0.125",
        f"vs last (peak): accuracy +0.3125, other {MINUS}0.25",
    ]


@pytest.mark.parametrize("app", ["lab"])
def test_the_best_run_itself_is_compared_with_the_second(jupyter, context, app):
    notebook = opened(jupyter, context, app, "best-itself", run="peak", goal="maximize", summary="max")

    assert against(notebook) == ["vs best and last (steep): accuracy +0.03125, other \u00b10"]


@pytest.mark.parametrize("app", ["lab"])
def test_without_a_goal_no_run_is_called_the_best(jupyter, context, app):
    notebook = opened(jupyter, context, app, "unknown")
    notebook.page.wait_for_timeout(1000)  # a best one would have come by now

    assert [line.partition(":")[0] for line in against(notebook)] == ["vs last (peak)"]
    assert "best" not in dashboard(notebook, 0).inner_text()
