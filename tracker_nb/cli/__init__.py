"""`tracker-nb`: look at runs and take care of a store without opening Python.

Only click is imported here and in the modules of the commands: NumPy and the store come in when a command runs, so that
`--help` and `--version` answer at once.
"""

from __future__ import annotations

import click

from tracker_nb import __version__
from tracker_nb.cli.history import history_group
from tracker_nb.cli.runs import list_runs, run_group
from tracker_nb.cli.store import backup_store, examine_store, init_store
from tracker_nb.cli.stores import store_group


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tracker-nb")
def main() -> None:
    """Look at runs and take care of their store.

    \b
    The store is, in this order:
      the folder given by --dir,
      the one that TRACKER_NB_DIR names,
      the nearest .tracker_nb at or above the working directory,
      the one in your user's data directory.
    """


for command in (list_runs, run_group, init_store, examine_store, backup_store, store_group, history_group):
    main.add_command(command)
