"""Ids, names and colours of runs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracker_nb
from tracker_nb import BadValue
from tracker_nb.charts import palette
from tracker_nb.sdk import names


@pytest.mark.ref("1.5-2")
def test_a_run_id_is_eight_characters_unless_given_and_unique_in_its_project(store):
    made = []
    for _ in range(20):
        with tracker_nb.init(project="p") as run:
            made.append(run.id)
    with tracker_nb.init(project="p", id="my-id") as run:
        made.append(run.id)

    assert all(re.fullmatch("[0-9a-z]{8}", run_id) for run_id in made[:-1])
    assert made[-1] == "my-id"
    assert len(set(made)) == 21
    with pytest.raises(tracker_nb.RunExists):
        tracker_nb.init(project="p", id="my-id")
    tracker_nb.init(project="another", id="my-id").finish()


@pytest.mark.ref("1.5-3")
def test_a_run_name_is_adjective_noun_number_unless_given_and_may_repeat(store):
    for _ in range(2):
        tracker_nb.init(project="p", name="mine").finish()
    with tracker_nb.init(project="p") as run:
        pass

    api = tracker_nb.Api()
    assert re.fullmatch("[a-z]+-[a-z-]+-3", run.name)
    assert [found.name for found in api.runs("p")] == [run.name, "mine", "mine"]
    assert len({found.id for found in api.runs("p")}) == 3


@pytest.mark.ref("1.5-4")
def test_the_path_of_a_run_is_entity_project_id(store):
    with tracker_nb.init(entity="team", project="p", id="abc", name="first") as run:
        pass

    assert run.path == "team/p/abc"
    assert tracker_nb.Api().run("team/p/abc").path == ["team", "p", "abc"]


@pytest.mark.ref("1.11-28")
def test_a_run_id_is_cut_at_64_characters_and_its_other_characters_become_dashes(store, monkeypatch):
    monkeypatch.setenv("TRACKER_NB_RUN_ID", "a b/c:ä." + "x" * 100)
    with tracker_nb.init(project="p") as run:
        pass

    assert run.id == "a-b-c---" + "x" * 56
    assert tracker_nb.Api().run(f"p/{run.id}").id == run.id
    with pytest.raises(tracker_nb.RunExists):  # two raw ids may be one
        tracker_nb.init(project="p", id="a/b/c---" + "x" * 99)


@given(st.text(min_size=1, max_size=100))
def test_a_cleaned_id_is_a_file_name_and_cleaning_it_again_changes_nothing(raw):
    cleaned = names.clean_id(raw)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cleaned)
    assert names.clean_id(cleaned) == cleaned


def test_an_empty_id_is_refused():
    with pytest.raises(BadValue, match="Leave `id` out"):
        names.clean_id("")


def test_the_colours_of_runs_that_follow_each_other_differ(store):
    colors = []
    for _ in range(5):
        with tracker_nb.init(project="p") as run:
            colors.append(run.color)

    assert len(set(colors)) == 5
    assert all(re.fullmatch("#[0-9A-F]{6}", color) for color in colors)
    assert len(set(names.PALETTE)) == len(names.PALETTE) == 20
    assert {color.lower() for color in names.PALETTE} == set(palette.HUES)
    assert tracker_nb.Api().runs("p", order="+created_at")[0].color == colors[0]


def test_a_name_of_any_characters_is_kept(store):
    for name in ("lr=0.1/bs=4", "ünï ☃", "\n", "x" * 10_000):
        with tracker_nb.init(project="p", name=name) as run:
            pass
        assert tracker_nb.Api().run(f"p/{run.id}").name == name
