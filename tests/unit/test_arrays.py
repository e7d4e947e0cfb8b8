"""Arrays and array scalars of NumPy, torch and others are recorded as they are when `log()` is called."""

import math

import numpy as np
import pytest

import tracker_nb
from tests.read_back import same, values

NAN, INF = math.nan, math.inf

# ---------------------------------------------------------------------------------------------------- arrays


def test_an_array_changed_after_log_is_recorded_as_it_was(read_back):
    array, row = np.arange(5.0), {"list": [1], "dict": {"_type": "x", "n": 1}}
    row["array"] = array
    run = tracker_nb.init(project="p", id="first")
    run.log(row)
    array[:] = -1
    row["list"].append(2)
    row["dict"]["n"] = 2
    row["new"] = 1
    run.finish()

    found = values(tracker_nb.Api().run("p/first"))
    assert same(found, [{"list": [1], "dict": {"_type": "x", "n": 1}, "array": np.arange(5.0)}])


DTYPES = [np.dtype(code) for code in "?bBhHiIlLqQefdgFDG"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_numpy_scalars_and_arrays_of_every_dtype_are_recorded(read_back, dtype):
    scalar = np.ones(1, dtype)[0]
    array = np.arange(6).astype(dtype).reshape(2, 3)
    run = read_back({"scalar": scalar, "zero_d": np.array(scalar), "one": np.ones((1,), dtype), "array": array})

    row = values(run)[0]
    plain = {"b": bool, "i": int, "u": int, "f": float}.get(dtype.kind)
    for name in ("scalar", "zero_d", "one"):
        if plain:
            assert same(row[name], plain(1))
        elif name == "scalar":
            assert "1+0j" in row[name]
    if dtype.char in "gG":  # what another machine has no type for
        np.testing.assert_array_equal(row["array"].astype(dtype), array)
    else:
        assert same(row["array"], array)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array(["2024-01-01", "NaT"], "datetime64[us]"),
        np.array([1, 2], "timedelta64[s]"),
        np.zeros(0),
        np.zeros((3, 0, 2), np.int8),
        np.arange(4, dtype=">i4"),
        np.arange(12)[::-2],
        np.asfortranarray(np.arange(6).reshape(2, 3)),
    ],
    ids=["str", "bytes", "datetime", "timedelta", "empty", "empty 3-d", "big endian", "strided", "fortran"],
)
def test_an_array_of_an_unusual_kind_is_read_back(read_back, array):
    run = read_back({"x": array})

    np.testing.assert_array_equal(values(run)[0]["x"], array)


@pytest.mark.parametrize(
    "scalar", [np.str_("a"), np.bytes_(b"a"), np.datetime64("2024-01-01"), np.datetime64("NaT"), np.timedelta64(1, "s")]
)
def test_a_numpy_scalar_that_is_no_number_is_recorded(read_back, scalar):
    run = read_back({"x": scalar, "y": 1})

    assert values(run)[0]["y"] == 1
    assert "x" in values(run)[0]


def test_an_array_of_objects_is_recorded_as_a_list(read_back):
    run = read_back({"x": np.array([1, "a", None], object)})

    assert values(run) == [{"x": [1, "a", None]}]


def test_a_zero_dimensional_array_does_not_decide_how_later_arrays_are_recorded(store):
    with tracker_nb.init(project="p", id="first") as run:
        run.log({"x": np.array(1.5)})
        run.log({"x": np.arange(3)})

    assert same(values(tracker_nb.Api().run("p/first")), [{"x": 1.5}, {"x": np.arange(3)}])


def test_a_scalar_array_logged_first_in_a_process_does_not_decide_either(monkeypatch, store):
    from tracker_nb.sdk import values as module

    monkeypatch.setattr(module, "_converters", {})
    with tracker_nb.init(project="p", id="first") as run:
        run.log({"x": np.array(1.5)})
        run.log({"x": np.arange(3)})

    assert same(values(tracker_nb.Api().run("p/first")), [{"x": 1.5}, {"x": np.arange(3)}])


class Foreign:
    """An array of another library, jax for one: like NumPy's, and not derived from it."""

    def __init__(self, array):
        self._array = array
        self.dtype, self.ndim = array.dtype, array.ndim

    def item(self):
        return self._array.item()

    def tobytes(self):
        return self._array.tobytes()

    def __array__(self, *_):
        return self._array


def test_arrays_of_other_libraries_are_recorded_as_arrays(read_back):
    run = read_back({"scalar": Foreign(np.array(1.5)), "array": Foreign(np.arange(3))})

    assert same(values(run), [{"scalar": 1.5, "array": np.arange(3)}])


def test_torch_scalars_and_tensors_are_recorded(read_back):
    torch = pytest.importorskip("torch")
    run = read_back(
        {
            "scalar": torch.tensor(1.5),
            "grad": torch.tensor(2.0, requires_grad=True),
            "int": torch.tensor(3),
            "half": torch.ones(2, dtype=torch.bfloat16),
            "array": torch.arange(3),
        }
    )

    row = values(run)[0]
    assert (row["scalar"], row["grad"], row["int"]) == (1.5, 2.0, 3)
    assert row["half"].tolist() == [1.0, 1.0]
    assert row["array"].tolist() == [0, 1, 2]
