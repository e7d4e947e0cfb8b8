"""Where a display goes: decided by what the environment of a kernel says."""

from types import SimpleNamespace

import pytest

from tracker_nb.notebook.host import Host, host

KERNEL = SimpleNamespace(kernel=object())
TERMINAL = SimpleNamespace()


@pytest.mark.parametrize(
    ("shell", "environment", "modules", "expected"),
    [
        (KERNEL, {"JPY_SESSION_NAME": "/home/a/train.ipynb"}, {}, Host.PAGE),
        (KERNEL, {}, {}, Host.PAGE),  # nbclient, papermill: what they save is opened later
        (KERNEL, {"VSCODE_PID": "12"}, {}, Host.WIDGET),
        (KERNEL, {"VSCODE_CWD": "/home/a"}, {}, Host.WIDGET),
        # JupyterLab started from a terminal of VS Code
        (KERNEL, {"VSCODE_PID": "12", "JPY_SESSION_NAME": "/home/a/train.ipynb"}, {}, Host.PAGE),
        # VS Code working on a Jupyter server
        (KERNEL, {"JPY_SESSION_NAME": "/home/a/train-jvsc-1f2e3d.ipynb"}, {}, Host.WIDGET),
        (KERNEL, {"COLAB_RELEASE_TAG": "release-colab_2026"}, {}, Host.WIDGET),
        (KERNEL, {}, {"google.colab": object()}, Host.WIDGET),
        (TERMINAL, {}, {}, Host.TEXT),
        (TERMINAL, {"VSCODE_PID": "12"}, {}, Host.TEXT),
        (None, {}, {}, Host.NOWHERE),
        (None, {}, {"marimo": SimpleNamespace(running_in_notebook=lambda: True)}, Host.PICTURE),
        (None, {}, {"marimo": SimpleNamespace(running_in_notebook=lambda: False)}, Host.NOWHERE),
        (KERNEL, {"TRACKER_NB_DISPLAY": "widget"}, {}, Host.WIDGET),
        (KERNEL, {"TRACKER_NB_DISPLAY": "Text"}, {}, Host.TEXT),
        (KERNEL, {"TRACKER_NB_DISPLAY": "nonsense"}, {}, Host.PAGE),
        (KERNEL, {"TRACKER_NB_DISPLAY": "page", "VSCODE_PID": "12"}, {}, Host.PAGE),
    ],
)
def test_the_host_is_known_by_its_environment(shell, environment, modules, expected):
    assert host(shell, environment, {"IPython": None, **modules}) is expected
