"""Damaged journals: what is hit is lost and said, what is not hit is read."""

import shutil

import msgspec
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import tracker_nb
from tests.support import abandon, api, journals, rows_of
from tracker_nb.journal import frames, reader, records, writer

ROWS = 12


class Journal:
    """A journal whose writer was killed, record by record, to be damaged and put into stores.

    Attributes:
        records: (bytes, decoded) of each record of the only segment.
    """

    def __init__(self, store):
        run = tracker_nb.init(project="p", id="hurt", dir=store)
        for i in range(ROWS):
            run.log({"x": i, "text": "a" * i} if i % 3 else {"x": i})
        path = run._writer.path
        abandon(run)
        self.template, self.writer = store, run._writer.uid
        data = path.read_bytes()
        path.unlink()
        self.records = []
        start = 0
        for end, payload in frames.frames(data, damage=frames.Damage(), ended=True):
            self.records.append((data[start:end], records.decode(payload)))
            start = end
        assert start == len(data)

    @property
    def bytes(self):
        return b"".join(data for data, _ in self.records)

    def store(self, place, *segments, uid=None):
        """A store with this journal in it, as changed by the caller: its segments in order, None for a lost one."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.template, place)
        for number, data in enumerate(segments, 1):
            if data is not None:
                name = writer.segment_name("hurt", uid or self.writer, number)
                (place / "journals" / name).write_bytes(data)
        return place


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return Journal(tmp_path_factory.mktemp("template") / "store")


def x_values(store, path="p/hurt"):
    with api(store) as asked:
        return asked.run(path).series("x").value.tolist()


def skipped(store):
    return rows_of(store, "SELECT sum(skipped_places), sum(skipped_bytes) FROM writers")[0]


def row_frame(seq, values, *, keys=1, more=()):
    return frames.frame(msgspec.msgpack.encode((1, seq, 100 + seq, 5, 0, 0, 0, keys, values, *more)))


# ---------------------------------------------------------------------------------------------------- torn


def test_a_last_record_torn_at_any_byte_is_lost_alone_and_reported(journal, tmp_path):
    whole, last = journal.bytes, journal.records[-1][0]
    for left in range(len(last)):
        store = journal.store(tmp_path / "store", whole[: len(whole) - len(last) + left])
        assert x_values(store) == list(range(ROWS - 1))
        assert skipped(store) == ((1, left) if left else (0, 0))
        assert journals(store) == []


def test_a_record_that_is_still_being_written_is_read_when_it_is_whole(journal, tmp_path):
    path = tmp_path / "one"
    whole, last = journal.bytes, journal.records[-1][0]
    for left in range(len(last)):
        path.write_bytes(whole[: len(whole) - len(last) + left])
        reading = reader.Reading()
        first = list(reader.read(path, reading=reading))
        assert reading.offset == len(whole) - len(last)
        path.write_bytes(whole)
        assert len(first) + len(list(reader.read(path, reading=reading))) == len(journal.records)
        assert reading.offset == len(whole)
        assert (reading.damage.places, reading.damage.bytes) == (0, 0)


def test_a_journal_is_read_the_same_in_pieces_of_any_size(journal, tmp_path):
    path = tmp_path / "one"
    path.write_bytes(journal.bytes)
    for most in range(1, len(journal.bytes) + 2, 7):
        reading, found = reader.Reading(), []
        while reading.offset < len(journal.bytes):
            found += [record for _, record in reader.read(path, most=most, ended=True, reading=reading)]
        assert found == [record for _, record in journal.records]
        assert reading.damage.places == 0


# ---------------------------------------------------------------------------------------------------- overwritten


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_bits_lose_only_the_records_they_hit_and_are_reported(journal, tmp_path, data):
    spans, start = [], 0
    for raw, record in journal.records:
        spans.append((start, start + len(raw), record))
        start += len(raw)
    bits = data.draw(st.sets(st.integers(0, start * 8 - 1), min_size=1, max_size=4))
    damaged = bytearray(journal.bytes)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    hit = [i for i, (low, high, _) in enumerate(spans) if any(low <= bit // 8 < high for bit in bits)]
    hurt = {type(spans[i][2]) for i in hit}

    store = journal.store(tmp_path / "store", bytes(damaged))
    with api(store) as asked:
        # Whose journal it is stands in its head: without that, its rows are kept apart under the id in its name.
        run = asked.run("recovered/hurt" if records.Head in hurt else "p/hurt")
        rows = [{k: v for k, v in row.items() if k[0] != "_"} for row in run.scan_history()]
        assert run.state == "crashed"
    kept = [r for i, (_, _, r) in enumerate(spans) if isinstance(r, records.Row) and i not in hit]
    assert [list(row.values()) for row in rows] == [row.values for row in kept]
    if records.Keys not in hurt:
        assert all(set(row) <= {"x", "text"} for row in rows)
    else:
        assert all(set(row) <= {"x", "text"} or all(name.startswith("unknown_") for name in row) for row in rows)
    places = sum(1 for i in hit if i - 1 not in hit)
    assert skipped(store) == (places, sum(spans[i][1] - spans[i][0] for i in hit))


GARBAGE = st.one_of(
    st.binary(min_size=1, max_size=200),
    st.builds(lambda a, b: a + frames.MARKER + b, st.binary(max_size=20), st.binary(max_size=60)),
    st.builds(lambda n: bytes(n), st.integers(1, 5000)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=GARBAGE, at=st.integers(0, 100))
@example(garbage=frames.HEADER.pack(frames.MARKER, 0x7FFFFFFF, 0), at=5)
@example(garbage=frames.HEADER.pack(frames.MARKER, 30, 0), at=5)
@example(garbage=frames.HEADER.pack(frames.MARKER, 0x7FFFFFFF, 0), at=100)
@example(garbage=frames.MARKER[:3], at=100)
def test_garbage_between_records_costs_nothing_and_is_reported(journal, tmp_path, garbage, at):
    assume(frames.MARKER + bytes(8) not in garbage)  # that is a whole, empty record
    at = 1 + at % len(journal.records)
    pieces = [data for data, _ in journal.records]
    store = journal.store(tmp_path / "store", b"".join([*pieces[:at], garbage, *pieces[at:]]))

    assert x_values(store) == list(range(ROWS))
    assert skipped(store) == (1, len(garbage))


def test_garbage_of_megabytes_is_passed_over(journal, tmp_path):
    pieces = [data for data, _ in journal.records]
    garbage = (frames.MARKER + b"\xff" * 1000) * 10_000
    store = journal.store(tmp_path / "store", b"".join([*pieces[:6], garbage, *pieces[6:]]))

    assert x_values(store) == list(range(ROWS))
    assert skipped(store) == (1, len(garbage))


def test_damage_in_a_live_journal_hides_nothing_that_is_written_after_it(store):
    run = tracker_nb.init(project="p", id="live")
    run.log({"x": 0})
    run._writer._append(b"garbage" + frames.frame(b"")[:-1], droppable=False)
    assert x_values(store, "p/live") == [0]
    run.log({"x": 1})

    assert x_values(store, "p/live") == [0, 1]
    run.finish()
    assert x_values(store, "p/live") == [0, 1]
    assert skipped(store) == (1, len(b"garbage") + frames.HEADER.size - 1)


# ---------------------------------------------------------------------------------------------------- segments


@pytest.fixture(scope="module")
def segments(journal):
    """Three segments with a head each, as a writer makes them."""
    head = [data for data, record in journal.records if isinstance(record, records.Head)]
    names = [data for data, record in journal.records if isinstance(record, records.Keys | records.Site)]
    rows = [data for data, record in journal.records if isinstance(record, records.Row)]
    return [b"".join([*head, *names, *rows[i : i + 4]]) for i in (0, 4, 8)]


def test_three_segments_are_read_in_order(journal, segments, tmp_path):
    store = journal.store(tmp_path / "store", *segments)

    assert x_values(store) == list(range(ROWS))
    assert skipped(store) == (0, 0)


@pytest.mark.parametrize("cut", [1, 20, 60, 150])
def test_a_truncated_segment_costs_its_end_and_not_the_next_one(journal, segments, tmp_path, cut):
    store = journal.store(tmp_path / "store", segments[0], segments[1][:-cut], segments[2])

    found = x_values(store)
    assert found[:4] == [0, 1, 2, 3]
    assert found[-4:] == [8, 9, 10, 11]
    assert 8 <= len(found) < ROWS
    places, lost = skipped(store)
    assert places <= 1
    assert lost < 60
    assert journals(store) == []


def test_a_truncated_segment_costs_its_end_when_the_head_is_cut_too(journal, segments, tmp_path):
    store = journal.store(tmp_path / "store", segments[0], segments[1][:30], segments[2])

    assert x_values(store) == [0, 1, 2, 3, 8, 9, 10, 11]
    assert skipped(store) == (1, 30)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_segment_costs_itself_and_is_reported(journal, segments, tmp_path, lost):
    left = [None if i == lost else data for i, data in enumerate(segments)]
    store = journal.store(tmp_path / "store", *left)

    assert x_values(store) == [x for x in range(ROWS) if x // 4 != lost]
    assert skipped(store) == (1, 0)


def test_a_journal_under_another_name_is_applied_once(journal, tmp_path):
    store = journal.store(tmp_path / "store", journal.bytes, uid="0123456789ab")

    assert x_values(store) == x_values(store) == list(range(ROWS))
    assert journals(store) == []


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xf5"], ids=["empty", "zeros", "one byte"])
def test_a_segment_in_which_nothing_can_be_read_goes_away(journal, tmp_path, data):
    store = journal.store(tmp_path / "store", data)

    with api(store) as asked:
        assert [list(run.scan_history()) for run in asked.runs()] in ([], [[]])
    assert journals(store) == []


# ---------------------------------------------------------------------------------------------------- later releases


def test_records_of_an_unknown_kind_are_kept_and_ignored(journal, tmp_path):
    pieces = [data for data, _ in journal.records]
    unknown = [msgspec.msgpack.encode([99, 1, {"what": "ever"}]), msgspec.msgpack.encode({"no": "array"}), b"\xc1"]
    unknown += [msgspec.msgpack.encode((1, "seq", 1, 1, 0, 0, 0, 1, [])), msgspec.msgpack.encode((12, 3)), b""]
    store = journal.store(tmp_path / "store", b"".join([*pieces[:7], *map(frames.frame, unknown), *pieces[7:]]))

    assert x_values(store) == list(range(ROWS))
    kept = rows_of(store, "SELECT payload, reason FROM unknown_records ORDER BY id")
    assert [payload for payload, _ in kept] == unknown
    assert all(reason for _, reason in kept)
    assert skipped(store) == (0, 0)


def test_an_unknown_record_in_a_live_journal_is_ignored(store):
    run = tracker_nb.init(project="p", id="live")
    run.log({"x": 0})
    run._writer._append(frames.frame(msgspec.msgpack.encode([99, "new"])), droppable=False)
    run.log({"x": 1})

    assert x_values(store, "p/live") == [0, 1]


def test_records_of_a_later_format_are_read_without_their_new_fields(journal, tmp_path):
    longer = []
    for _, record in journal.records:
        fields = msgspec.msgpack.decode(msgspec.msgpack.encode(record))
        if isinstance(record, records.Head):
            fields[1] = records.FORMAT + 1
        longer.append(frames.frame(msgspec.msgpack.encode([*fields, "new field", {"another": 1}])))
    store = journal.store(tmp_path / "store", b"".join(longer))

    assert x_values(store) == list(range(ROWS))
    assert rows_of(store, "SELECT count(*) FROM unknown_records") == [(0,)]
    with api(store) as asked:
        assert asked.run("p/hurt").name


def test_records_of_an_earlier_format_are_read_with_defaults(journal, tmp_path):
    shorter = []
    for data, record in journal.records:
        fields = msgspec.msgpack.decode(msgspec.msgpack.encode(record))
        if isinstance(record, records.Head | records.Keys | records.Start):  # each ends in a field with a default
            data = frames.frame(msgspec.msgpack.encode(fields[:-1]))  # noqa: PLW2901 - the same record, shorter
        shorter.append(data)
    store = journal.store(tmp_path / "store", b"".join(shorter))

    assert x_values(store) == list(range(ROWS))


def test_rows_of_a_key_set_that_was_never_announced_keep_their_values(journal, tmp_path):
    pieces = [data for data, _ in journal.records]
    store = journal.store(tmp_path / "store", b"".join([*pieces, row_frame(900, [1.5, "a"], keys=77)]))

    with api(store) as asked:
        run = asked.run("p/hurt")
        assert run.series("unknown_77.0").value.tolist() == [1.5]
        assert run.series("unknown_77.1").value.tolist() == ["a"]
