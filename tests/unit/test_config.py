"""`run.config`: what a run was told."""

import numpy as np
import pytest

import tracker_nb
from tracker_nb import BadValue


def stored(run):
    return tracker_nb.Api().run(run.path).config


@pytest.mark.ref("1.1-4")
def test_assigning_the_module_attribute_config_sets_the_config_of_the_run(store):
    run = tracker_nb.init(project="p")
    tracker_nb.config = {"epochs": 3, "lr": 0.1}
    assert tracker_nb.config.epochs == 3
    tracker_nb.config.epochs = 4
    assert tracker_nb.config["epochs"] == run.config.epochs == 4
    run.finish()

    assert stored(run) == {"epochs": 4, "lr": 0.1}


def test_config_set_on_the_module_before_init_goes_to_the_next_run_and_to_no_other(store):
    tracker_nb.config = {"epochs": 3, "lr": 0.1}
    assert tracker_nb.config.epochs == 3
    tracker_nb.config.seed = 7
    assert tracker_nb.config == {"epochs": 3, "lr": 0.1, "seed": 7}
    with tracker_nb.init(project="p", config={"lr": 0.2}) as first:
        assert dict(tracker_nb.config) == {"epochs": 3, "lr": 0.2, "seed": 7}
    with tracker_nb.init(project="p") as second:
        pass

    assert stored(first) == {"epochs": 3, "lr": 0.2, "seed": 7}
    assert stored(second) == {}


def test_config_imported_before_init_is_that_of_the_run(store):
    config = tracker_nb.config
    with tracker_nb.init(project="p", config={"lr": 0.1}) as run:
        assert config.lr == 0.1
        config.epochs = 3
        del config["lr"]
    assert stored(run) == {"epochs": 3}


@pytest.mark.ref("1.2-1")
def test_config_is_read_and_written_by_item_and_attribute_at_any_point(store):
    with tracker_nb.init(project="p", config={"a": 1}) as run:
        c = run.config
        assert (c["a"], c.a, c.get("a"), c.get("b"), c.get("b", 5), "a" in c, "b" in c) == (
            1,
            1,
            1,
            None,
            5,
            True,
            False,
        )
        c["b"] = 2
        c.c = 3
        run.log({"loss": 1.0})
        c.update({"d": 4}, e=5)
        c.setdefault("f", 6)
        c.setdefaults({"a": 100, "g": 7})
        del c["e"]
        assert c.pop("f") == 6
        assert list(c) == list(c.keys()) == ["a", "b", "c", "d", "g"]
        assert len(c) == 5
        assert dict(c) == c.as_dict() == {"a": 1, "b": 2, "c": 3, "d": 4, "g": 7}
        with pytest.raises(AttributeError, match=r"no key 'lr'\. It has: a, b, c, d, g"):
            _ = c.lr
        with pytest.raises(KeyError):
            c["lr"]
    assert stored(run) == {"a": 1, "b": 2, "c": 3, "d": 4, "g": 7}


@pytest.mark.ref("1.2-2")
def test_config_given_to_init_keeps_lists_strings_numbers_and_nested_dicts(store):
    config = {
        "layers": [64, 32, [1, "two", None]],
        "name": "ünï",
        "lr": 1e-3,
        "epochs": 10,
        "amp": True,
        "nothing": None,
        "big": 2**70,
        "nan": float("inf"),
        "optimizer": {"name": "adam", "betas": [0.9, 0.999], "deep": {"er": {"est": 1}}},
        "empty": {},
    }
    with tracker_nb.init(project="p", config=config) as run:
        assert dict(run.config) == config
    found = stored(run)
    assert found == config
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in config.items()}


def test_numpy_values_in_a_config_are_kept(store):
    with tracker_nb.init(project="p", config={"lr": np.float32(0.5), "n": np.int64(3), "w": np.arange(3)}) as run:
        pass
    found = stored(run)
    assert (found["lr"], found["n"]) == (0.5, 3)
    assert np.asarray(found["w"]).tolist() == [0, 1, 2]


@pytest.mark.ref("1.2-5")
def test_assigning_a_config_key_replaces_its_value_or_adds_the_key(store):
    with tracker_nb.init(project="p", config={"dropout": 0.5}) as run:
        run.config["dropout"] = 0.2
        run.config.epochs = 10
        run.config.update({"dropout": 0.1, "seed": 1}, allow_val_change=True)
    assert stored(run) == {"dropout": 0.1, "epochs": 10, "seed": 1}


@pytest.mark.ref("1.2-9")
def test_a_dict_inside_config_stays_nested(store):
    config = {"meta": {"author": "me", "data": {"version": 3}}, "lr": 0.1}
    with tracker_nb.init(project="p", config=config) as run:
        assert run.config["meta"]["data"]["version"] == 3
        run.config.other = {"a": {"b": 1}}
    assert stored(run) == {**config, "other": {"a": {"b": 1}}}


def test_a_value_changed_in_place_is_stored_when_it_is_assigned_again(store):
    with tracker_nb.init(project="p", config={"layers": [1]}) as run:
        layers = run.config["layers"]
        layers.append(2)
        run.config["layers"] = layers
    assert stored(run) == {"layers": [1, 2]}


def test_changing_the_dict_given_to_init_afterwards_changes_nothing(store):
    given = {"lr": 0.1}
    with tracker_nb.init(project="p", config=given) as run:
        given["lr"] = 0.2
        run.config.lr = 0.3
    assert given == {"lr": 0.2}
    assert stored(run) == {"lr": 0.3}


@pytest.mark.parametrize("key", [1, (1, 2), "a b", "", "a.b", "\udc80"])
def test_any_key_of_a_config_is_kept_as_text(store, key):
    with tracker_nb.init(project="p", config={key: 1}) as run:
        run.config[key] = 2
    (name,) = stored(run)
    assert stored(run)[name] == 2


def test_a_value_that_has_no_form_is_kept_as_its_text(store):
    class Thing:
        def __repr__(self):
            return "<a thing>"

    with pytest.warns(UserWarning, match="as text"), tracker_nb.init(project="p", config={"thing": Thing()}) as run:
        pass
    assert stored(run) == {"thing": "<a thing>"}


@pytest.mark.parametrize("given", [3, "lr=1", [("a", 1)]])
def test_updating_config_with_something_else_than_a_mapping_says_what_it_takes(store, given):
    run = tracker_nb.init(project="p")
    with pytest.raises(BadValue, match="config must be a dict"):
        run.config.update(given)
    with pytest.raises(BadValue, match="config must be a dict"):
        tracker_nb.config = given
    with pytest.raises(TypeError, match="one mapping"):
        run.config.update({}, {})


@pytest.mark.ref("1.2-10")
def test_config_is_changed_after_the_run_through_the_api(store):
    with tracker_nb.init(project="p", config={"foo": 1, "weights": np.arange(3)}) as live:
        pass
    run = tracker_nb.Api().run(live.path)
    assert run.config["weights"].tolist() == [0, 1, 2]
    run.config["bar"] = 32
    run.config["lr"] = np.float32(0.5)
    run.update()
    run.config["foo"] = 2
    run.update()
    run.update()

    found = stored(live)
    assert {key: found[key] for key in ("foo", "bar", "lr")} == {"foo": 2, "bar": 32, "lr": 0.5}
    assert found["weights"].tolist() == [0, 1, 2]
