"""`define_metric()`: what a run says about its metrics, checked where it is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracker_nb.errors import BadValue, closest
from tracker_nb.query.definitions import COPY, DIRECTIONS, FIGURES, NONE, Definitions, definition, words
from tracker_nb.sdk.values import escape

_WORDS = (*FIGURES, NONE, COPY)
_NOTHING: dict[str, Any] = dict.fromkeys(("step_metric", "step_sync", "hidden", "summary", "goal"))


@dataclass(frozen=True, slots=True)
class Metric:
    """What a run has said of a metric, or of all with a prefix. May be given to `define_metric()` as `step_metric`.

    Attributes:
        name: of the metric, or a prefix such as "train/*".
        step_metric: the metric that is its x axis.
        step_sync: as given; None where nothing was said.
        hidden: True where it has no chart by default; None where nothing was said.
        summary: words such as "min"; empty: the last value.
        goal: "minimize" or "maximize"; None where nothing was said.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None


def fields_of(
    known: Definitions,
    name: Any,
    *,
    step_metric: Any,
    step_sync: Any,
    hidden: Any,
    summary: Any,
    goal: Any,
    objective: Any,
    overwrite: Any,
) -> tuple[str, dict[str, Any]]:
    """The name and the fields of a definition's record; `known` are those made before.

    Raises:
        BadValue: something in it makes no sense; the message says what to write instead.
    """
    name = _name(name)
    given: dict[str, Any] = {
        "step_metric": _step_metric(name, step_metric),
        "step_sync": _flag("step_sync", step_sync),
        "hidden": _flag("hidden", hidden),
        "goal": _goal(goal, objective),
    }
    before = {} if _flag("overwrite", overwrite) else dict(known.get(name, {}))
    given["summary"] = _summary(summary, words(before))
    said = {field: value for field, value in given.items() if value is not None}
    holds = definition(name, {**known, name: {**before, **said}})
    if "best" in words(holds) and holds.get("goal") is None:
        raise BadValue(
            f"summary='best' of {name!r} needs to know which values are better: give goal='minimize' or 'maximize' too, or "
            f"ask for summary='min' or 'max'."
        )
    return name, {**_NOTHING, **said} if overwrite else said


def described(name: str, fields: dict[str, Any]) -> Metric:
    """What holds for a name now."""
    kept = {field: fields.get(field) for field in _NOTHING if field != "summary"}
    return Metric(name, summary=tuple(words(fields)), **kept)


def _name(name: Any) -> str:
    if isinstance(name, Metric):
        return name.name
    if not isinstance(name, str) or not name:
        raise BadValue(f"define_metric() takes the name of a metric, such as 'loss' or 'train/*', not {name!r}.")
    if "*" in name[:-1]:
        raise BadValue(f"define_metric({name!r}): a * may only stand at the end of a prefix, such as 'train/*'.")
    return escape(name)


def _step_metric(name: str, given: Any) -> str | None:
    if given is None:
        return None
    found = given.name if isinstance(given, Metric) else given
    if not isinstance(found, str) or not found or "*" in found:
        raise BadValue(
            f"step_metric={found!r}: the x axis of {name!r} is one metric. Give its name, such as step_metric='epoch'."
        )
    if found == name:
        raise BadValue(f"{name!r} cannot be its own x axis: leave step_metric out, and it is drawn over the step.")
    return escape(found)


def _flag(field: str, given: Any) -> bool | None:
    if given is None or isinstance(given, bool):
        return given
    raise BadValue(f"{field} is True or False, not {given!r}.")


def _goal(goal: Any, objective: Any) -> str | None:
    if goal is not None and objective is not None and goal != objective:
        raise BadValue(f"goal={goal!r} and objective={objective!r} are two names of one argument: give one of them.")
    found = goal if goal is not None else objective
    if found is None or found in DIRECTIONS:
        return None if found is None else str(found)
    raise BadValue(f"goal is 'minimize' or 'maximize', not {found!r}.")


def _summary(given: Any, before: list[str]) -> list[str] | None:
    """The words now; those of an earlier call stay, unless one of the two says `none` or `copy`."""
    if given is None:
        return None
    items = given.split(",") if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [given]
    found = list(dict.fromkeys(item.strip().lower() if isinstance(item, str) else item for item in items))
    for word in found:
        if word not in _WORDS:
            close = closest(word, _WORDS) if isinstance(word, str) else []
            hint = f" Closest: {', '.join(close)}." if close else ""
            raise BadValue(
                f"summary={given!r}: {word!r} is not one of {', '.join(_WORDS)}.{hint} Give one or several, as 'min,max'."
            )
    alone = [word for word in found if word in (NONE, COPY)]
    if alone and len(found) > 1:
        raise BadValue(f"summary={given!r}: {alone[0]!r} stands alone, it leaves nothing for the others to do.")
    if not found:
        raise BadValue(f"summary={given!r} says nothing: name one of {', '.join(_WORDS)}, or leave it out.")
    return found if alone or NONE in before or COPY in before else list(dict.fromkeys([*before, *found]))
