"""A real JupyterLab with Notebook 7, and what a person does in it: open a notebook, run cells, look at outputs."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

from tests.support import ROOT, environment
from tracker_nb.errors import TrackerError

TOKEN = "a-token-that-nobody-guesses"
BASE = "/user/a/"
MIME = "application/vnd.tracker-nb.v1+json"
APPS = {"lab": "lab/tree", "notebook": "notebooks"}
CHROMIUM = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
)
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


def find_chromium():
    """The path of the system's browser; None where it has none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Jupyter:
    """A server of its own home, with a store of its own; ended at the end of the block.

    Args:
        store: the folder of the store; default: in the home.
        before: a command in front, such as one that changes the file system.
        variables: more of them for the environment of the server and of its kernels.
    """

    def __init__(self, home, *, store=None, before=(), **variables):
        self.before, self.variables = before, variables
        self.home = Path(home)
        self.files = self.home / "files"
        self.store = Path(store or self.home / "store")

    def __enter__(self):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self.files.mkdir(parents=True)
        settings = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.base_url": BASE,
            "ServerApp.open_browser": False,
            "ServerApp.root_dir": str(self.files),
            "ServerApp.allow_root": True,
            "IdentityProvider.token": TOKEN,
            "LabApp.expose_app_in_browser": True,
            "JupyterNotebookApp.expose_app_in_browser": True,
        }
        self.log = self.home / "log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [
                    *self.before,
                    sys.executable,
                    "-m",
                    "jupyterlab",
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                env=self.environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers(90)
        except BaseException:
            self.__exit__()  # nobody else would
            raise
        return self

    def _wait_until_it_answers(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                self.ask("tracker-nb/api/v1/info")
                return
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def environment(self):
        """Of the server, its kernels, and scripts that log to the same store."""
        return environment(
            self.store,
            XDG_DATA_HOME=self.home / "data",
            JUPYTER_CONFIG_DIR=self.home / "config",
            JUPYTER_RUNTIME_DIR=self.home / "runtime",
            JUPYTER_DATA_DIR=self.home / "jupyter",
            JUPYTERLAB_WORKSPACES_DIR=self.home / "workspaces",
            JUPYTERLAB_SETTINGS_DIR=self.home / "settings",
            IPYTHONDIR=self.home / "ipython",
            **self.variables,
        )

    def api(self):
        """What is in the store."""
        import tracker_nb

        return tracker_nb.Api(dir=self.store)

    def runs(self, project):
        """How many runs a project has."""
        with contextlib.suppress(TrackerError), contextlib.closing(self.api()) as asked:
            return len(asked.runs(project))
        return 0

    def address(self, path):
        return f"http://127.0.0.1:{self.port}{BASE}{path}"

    def ask(self, path, method="GET"):
        """An answer of the server, as JSON."""
        request = urllib.request.Request(self.address(path), method=method, headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def write(self, name, cells):
        """A notebook of code cells in the server's folder."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.files / name)

    def read(self, name):
        return nbformat.read(self.files / name, 4)

    def kernels(self):
        return self.ask("api/kernels")

    def shut_down_kernels(self):
        for kernel in self.kernels():
            self.ask(f"api/kernels/{kernel['id']}", "DELETE")


_OF_PANEL = "const app = window.jupyterapp, panel = app.shell.currentWidget;"


class Notebook:
    """A notebook in a browser tab.

    Args:
        app: "lab" or "notebook".
    """

    def __init__(self, page, jupyter, app, name):
        self.page, self.jupyter, self.app, self.name = page, jupyter, app, name

    def open(self, *, kernel=True):
        """Open or reload it, and wait until it can be used."""
        self.page.goto(self.jupyter.address(f"{APPS[self.app]}/{self.name}?reset&token={TOKEN}"))
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        if kernel:
            self.page.wait_for_function(
                f"() => {{ {_OF_PANEL} return panel?.sessionContext?.session?.kernel?.status === 'idle'"
                " || panel?.sessionContext?.session?.kernel?.status === 'busy' }",
                timeout=60_000,
            )
        return self

    def do(self, script, argument=None):
        """Run JavaScript with `app` and `panel` at hand."""
        return self.page.evaluate(f"async argument => {{ {_OF_PANEL} {script} }}", argument)

    def command(self, name, arguments=None):
        """A command of the application, not waited for."""
        self.do("void app.commands.execute(argument[0], argument[1] ?? {}).catch(() => 0)", [name, arguments])

    def run(self, index):
        """Begin to run a cell."""
        self.do("panel.content.deselectAll(); panel.content.activeCellIndex = argument", index)
        self.command("notebook:run-cell")

    def run_all(self):
        self.command("notebook:run-all-cells")

    def interrupt(self):
        self.do("await panel.sessionContext.session.kernel.interrupt()")

    def save(self):
        self.do("await panel.context.save()")

    def cell(self, index):
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def outputs(self, index):
        return self.cell(index).locator(".jp-OutputArea-output")

    def text(self, index):
        """What a cell has printed and shown."""
        return "\n".join(self.outputs(index).all_inner_texts())

    def count(self, index):
        """Execution count of a cell; None while it runs or never ran."""
        return self.do("return panel.content.widgets[argument].model.executionCount ?? null", index)

    def wait_done(self, index, seconds=60):
        """Until a cell has run."""
        self.page.wait_for_function(
            f"index => {{ {_OF_PANEL} return !!panel.content.widgets[index].model.executionCount"
            " && panel.content.widgets[index].model.executionState !== 'running'"
            " && panel.sessionContext.session.kernel.status === 'idle' }",
            arg=index,
            timeout=seconds * 1000,
        )
