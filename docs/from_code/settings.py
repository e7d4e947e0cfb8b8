"""Settings of runs and of the server extension, from their traits."""

from __future__ import annotations

import tracker_nb
from from_code.tables import table
from tracker_nb.sdk import settings


def of_runs() -> str:
    """`Settings`: argument, variable, default and help of each, in the order of the class."""
    traits = tracker_nb.Settings.class_traits()
    rows = []
    for name in (name for name in vars(tracker_nb.Settings) if name in traits):
        what, _, default = traits[name].help.removesuffix(".").rpartition(" Default: ")
        argument = name.removeprefix("run_") if name != "root_dir" else "dir"
        rows.append(
            (
                f"`{name}`",
                f"`{argument}`" if argument in tracker_nb.init.__annotations__ else "",
                f"`TRACKER_NB_{settings._VARIABLES.get(name, 'DIR')}`",
                default,
                what,
            )
        )
    return table(("setting", "argument of `init()`", "variable", "default", "what it does"), rows)


def of_the_server() -> str:
    """`TrackerServer`: default and help of each."""
    from tracker_nb_server.app import TrackerServer

    own = TrackerServer.class_own_traits(config=True)
    rows = (
        (f"`{name}`", f"{own[name].default_value:g}", own[name].help) for name in vars(TrackerServer) if name in own
    )
    return table(("setting", "default", "what it does"), rows)
