"""A Jupyter that does not show live charts is found, by doctor and by the kernel, and what to type is said."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracker_nb
from tests.support import ROOT, environment, wait_for
from tests.unit.test_doctor import examined
from tracker_nb.journal.records import FORMAT
from tracker_nb.notebook import surroundings
from tracker_nb.store import doctor_jupyter, jupyter, schema

pytest.importorskip("jupyter_server")
pytest.importorskip("jupyterlab")
FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user of Jupyter with nothing of their own."""
    for name in FOLDERS:
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    return tmp_path


@pytest.fixture
def built():
    if jupyter.installed().panels != "enabled":
        pytest.skip("the front end is not installed here")


@contextlib.contextmanager
def bare_server(home, name="bare"):
    """A Jupyter server in which our extension is switched off; its process."""
    folder = home / name
    folder.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {"ip": "127.0.0.1", "port": port, "open_browser": False, "allow_root": True, "root_dir": str(folder)}
    arguments = [f"--ServerApp.{name}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", "--ServerApp.jpserver_extensions=tracker_nb_server=False", *arguments],
        env=environment(**{name: os.environ[name] for name in FOLDERS}),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_for(
            lambda: [one for one in jupyter.running() if one.pid == process.pid and one.answer != "silent"], 60
        )
        yield process
    finally:
        process.terminate()
        process.wait(20)


def as_kernel_of(pid, monkeypatch):
    monkeypatch.setenv("JPY_PARENT_PID", str(pid))
    return surroundings.problem(jupyter.mine(5))


# ---------------------------------------------------------------------------------------------------- installed


def test_where_all_is_well_doctor_says_so(home, built, store):
    finding = examined()[2]["Jupyter"]
    assert finding["level"] == "ok"
    assert finding["detail"].endswith("with live charts")
    assert finding["data"]["panels_version"] == tracker_nb.__version__


def test_a_server_extension_that_was_disabled_is_found_with_what_takes_that_back(home, store, monkeypatch):
    from jupyter_server.extension.serverextension import toggle_server_extension_python

    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")  # as where Jupyter is not in a virtual environment
    toggle_server_extension_python(jupyter.SERVER, enabled=False, user=True)

    finding = examined()[2]["Jupyter"]

    assert finding["level"] == "warn"
    assert "server extension is disabled by " + os.environ["JUPYTER_CONFIG_DIR"] in finding["detail"]
    fix, _, then = finding["advice"].partition(", ")
    assert (fix, then) == ("jupyter server extension enable --user tracker_nb_server", "then restart Jupyter")
    done = subprocess.run(
        [sys.executable, "-m", *fix.split()],
        capture_output=True,
        text=True,
        env=environment(**{name: os.environ[name] for name in FOLDERS}),
    )
    assert jupyter.installed().server == "enabled", done.stdout + done.stderr


def test_in_a_virtual_environment_its_files_go_before_those_of_the_user_except_the_large_one(home, monkeypatch):
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    off = json.dumps({"ServerApp": {"jpserver_extensions": {"tracker_nb_server": False}}})
    user = Path(os.environ["JUPYTER_CONFIG_DIR"])
    (user / "jupyter_server_config.d").mkdir()
    (user / "jupyter_server_config.d" / "tracker_nb_server.json").write_text(off)
    assert jupyter.installed().server == "enabled"
    (user / "jupyter_server_config.json").write_text(off)
    found = jupyter.installed()
    assert found.server == "disabled"
    assert jupyter.enabling(found) == f"set tracker_nb_server to true in {user / 'jupyter_server_config.json'}"


@pytest.mark.parametrize(
    "said",
    [{"tracker-nb": True}, {"tracker-nb:plugin": True}, ["tracker-nb"], {"tracker-*": True}],
    ids=["extension", "plugin", "list", "pattern"],
)
def test_panels_that_were_disabled_are_found_with_the_file_that_does_it(home, built, store, said):
    folder = Path(os.environ["JUPYTER_CONFIG_DIR"]) / "labconfig"
    folder.mkdir()
    (folder / "page_config.json").write_text(json.dumps({"disabledExtensions": said}))

    finding = examined()[2]["Jupyter"]

    assert (finding["level"], finding["data"]["panels"]) == ("warn", "disabled")
    assert str(folder / "page_config.json") in finding["detail"]
    assert finding["advice"] == "jupyter labextension enable --level=user tracker-nb, then reload the page"


def test_what_jupyter_itself_disables_is_what_is_found(home, built):
    variables = {name: os.environ[name] for name in FOLDERS}
    command = [sys.executable, "-m", "jupyter", "labextension", "disable", "--level=user", "tracker-nb"]
    subprocess.run(command, check=True, capture_output=True, env=environment(**variables))
    assert jupyter.installed().panels == "disabled"
    fix = jupyter.enabling(jupyter.installed()).split()
    subprocess.run([sys.executable, "-m", *fix], check=True, capture_output=True, env=environment(**variables))
    assert jupyter.installed().panels == "enabled"


def test_a_jupyter_without_our_files_is_found_with_the_command_for_this_python(home, store, monkeypatch):
    monkeypatch.setattr(jupyter, "PANELS", "no-such-extension")
    finding = examined()[2]["Jupyter"]
    assert "without the panels" in finding["detail"]
    assert finding["advice"].startswith(
        f"{sys.executable} -m pip install --force-reinstall --no-deps 'tracker_nb[lab]'"
    )


def test_files_of_jupyter_that_are_damaged_are_as_good_as_none(home):
    for name in ("jupyter_server_config.json", "labconfig/page_config.json"):
        file = Path(os.environ["JUPYTER_CONFIG_DIR"]) / name
        file.parent.mkdir(exist_ok=True)
        file.write_text('{"ServerApp": 3, "disabledExtensions": {')
    assert jupyter.installed().server == "enabled"


# ---------------------------------------------------------------------------------------------------- running


def test_a_server_without_us_is_found_by_doctor_and_by_its_kernels(home, store, monkeypatch):
    with bare_server(home) as process:
        finding = examined()[2]["Jupyter servers"]
        line = as_kernel_of(process.pid, monkeypatch)

    assert finding["level"] == "warn"
    assert "has no server extension of tracker_nb" in finding["detail"]
    assert "jupyter server extension enable tracker_nb_server" in finding["advice"]
    # This Python has it switched on: the server was started before, or with an option.
    assert line.startswith("charts stand still here: this Jupyter server has not loaded tracker_nb")
    assert line.endswith("To mend it: restart Jupyter")
    assert examined()[2]["Jupyter servers"]["detail"].startswith("None")  # it has ended


@pytest.mark.parametrize(
    ("python", "says"),
    [
        ("/opt/hub/bin/python3", "/opt/hub/bin/python3 -m pip install 'tracker_nb"),
        ("", "Where Jupyter runs: pip install"),
    ],
)
def test_a_server_of_another_python_is_told_apart_from_ours(home, monkeypatch, python, says):
    monkeypatch.setattr(surroundings, "_python_of", lambda _: python)
    line = surroundings.problem(jupyter.Running(1, "http://localhost:8888/", "none", {}))
    assert line.startswith("charts stand still here: this Jupyter server has no tracker_nb. To mend it: ")
    assert says in line


def test_of_a_server_of_this_release_a_kernel_says_nothing(server, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(server.home / "jupyter_runtime_dir"))
    found = next(one for one in jupyter.running() if one.pid == server.process.pid)
    assert (found.answer, found.info["version"]) == ("ours", tracker_nb.__version__)
    assert "token" not in found.url
    if found.info["panels"] == "enabled":
        assert as_kernel_of(server.process.pid, monkeypatch) == ""


def test_nothing_is_known_of_a_kernel_that_no_server_here_has_started(home, monkeypatch):
    assert as_kernel_of(1, monkeypatch) == ""
    monkeypatch.delenv("JPY_PARENT_PID")
    assert jupyter.mine() is None


def test_a_server_that_does_not_answer_holds_nobody_up(home, monkeypatch):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        document = {"pid": os.getpid(), "url": f"http://127.0.0.1:{mute.getsockname()[1]}/", "token": "t"}
        file = Path(os.environ["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{os.getpid()}.json"
        file.write_text(json.dumps(document))
        monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
        begin = time.monotonic()
        assert surroundings.problem(jupyter.mine()) == ""
        assert time.monotonic() - begin < 1.0


OURS = {"version": "0.2.0", "schema": schema.VERSION, "records": FORMAT, "panels": "enabled"}


@pytest.mark.parametrize(
    ("info", "says"),
    [
        (OURS, ""),
        (
            {**OURS, "schema": schema.VERSION - 1},
            "which is older and cannot read what .* install -U .*lab.*, then restart Jupyter",
        ),
        ({**OURS, "records": FORMAT - 1}, "which is older"),
        ({**OURS, "schema": schema.VERSION + 1}, "which is newer: .* install -U .*notebook.*, then restart the kernel"),
        ({**OURS, "records": FORMAT + 1}, "which is newer"),
        ({"version": "9"}, "which is older"),
        ({**OURS, "panels": "disabled"}, "our panels are disabled. To mend it: jupyter labextension enable tracker-nb"),
        ({**OURS, "panels": "missing"}, "no panels of tracker_nb. .*--force-reinstall"),
    ],
)
def test_releases_that_do_not_understand_each_other_are_told_which_to_update(monkeypatch, info, says):
    running = jupyter.Running(os.getpid(), "http://localhost:8888/", "ours", info)
    line = surroundings.problem(running)
    finding = doctor_jupyter._servers(tracker_nb.__version__, [running])
    if not says:
        assert (line, finding.level) == ("", "ok")
        return
    assert re.search(says, line)
    assert finding.level == "warn"
    assert finding.advice


def test_the_line_is_printed_once_and_in_a_page_only(home, monkeypatch, capsys):
    monkeypatch.setattr(surroundings, "_said", False)
    monkeypatch.setattr(jupyter, "mine", lambda _: jupyter.Running(1, "http://x/", "none", {}))
    for _ in range(3):
        surroundings.say_once()
    assert capsys.readouterr().out.count("tracker_nb: charts stand still here") == 1


# ---------------------------------------------------------------------------------------------------- kernels without extras

WITHOUT = """
import sys
for name in ("altair", "anywidget", "ipywidgets", "nbformat", "pandas", "PIL", "vl_convert", "jupyterlab", "jupyter_server"):
    sys.modules[name] = None
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.kernel = None  # as in a page
TRACK = "%%track digits\\nimport tracker_nb\\nfor i in range(5):\\n    tracker_nb.log({'loss': 1 / (i + 1)})"
for cell in ("%load_ext tracker_nb", TRACK, "%track digits"):
    shell.run_cell(cell, store_history=True).raise_error()
from tracker_nb.panels import Dashboard
"""


def test_a_kernel_with_the_base_alone_tracks_and_says_what_brings_pictures_and_widgets(store, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=environment(store, IPYTHONDIR=tmp_path / "ipython"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert f"MissingExtra: Widgets need anywidget and ipywidgets: {sys.executable} -m pip install" in done.stderr
    assert "'tracker_nb[notebook]'" in done.stderr
    assert tracker_nb.Api(store).runs("digits")[0].state == "finished"
