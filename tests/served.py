"""A real Jupyter server with the extension, as tests see it: a process, a token, a base URL as under JupyterHub."""

import contextlib
import http.client
import http.cookies
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.support import ROOT, environment

TOKEN = "a-token-that-nobody-guesses"
BASE = "/user/a/"
API = f"{BASE}tracker-nb/api/v1"


class Server:
    """A server of its own home; ended at the end of the block.

    Args:
        options: settings of the extension.
        app: settings of the server.
        modules: where these find their modules.
    """

    def __init__(self, home, *, app=None, modules="", **options):
        self.home = Path(home)
        self.app = app or {}
        self.modules = modules
        self.data = self.home / "data"
        self.options = options

    def __enter__(self):
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        (self.home / "files").mkdir(parents=True)
        config = {
            "ip": "127.0.0.1",
            "port": self.port,
            "port_retries": 0,
            "base_url": BASE,
            "open_browser": False,
            "root_dir": str(self.home / "files"),
            "allow_root": True,
            "allow_unauthenticated_access": False,
            **self.app,
        }
        arguments = [f"--ServerApp.{name}={value}" for name, value in config.items()]
        arguments += [f"--TrackerServer.{name}={value}" for name, value in self.options.items()]
        folders = {
            name: self.home / name.lower() for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")
        }
        self.log = self.home / "log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", f"--IdentityProvider.token={TOKEN}", *arguments],
                env=environment(
                    XDG_DATA_HOME=self.data, PYTHONPATH=f"{ROOT}:{ROOT / 'server_ext'}:{self.modules}", **folders
                ),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                if self.get("/info").status == 200:
                    return self
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """End it as a person would; how many seconds that took."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        return time.monotonic() - begin

    # ------------------------------------------------------------------------------------------------ asking

    def request(self, method, path, body=None, *, headers=None, token=TOKEN, base=API):
        """Ask; `path` is below the interface's root."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            own = {"Authorization": f"token {token}"} if token else {}
            text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, base + path, text, {**own, **(headers or {})})
            return Answer(connection.getresponse())

    def get(self, path, **parameters):
        return self.request("GET", path + (f"?{urlencode(parameters, doseq=True)}" if parameters else ""))

    def post(self, path, body=None):
        return self.request("POST", path, body)

    def browser(self):
        """Headers of a browser that has logged in: its cookies; and the value that a form of ours would send."""
        answer = self.request("GET", f"?token={TOKEN}", token=None, base=f"{BASE}api/status")
        jar = http.cookies.SimpleCookie()
        for header in answer.headers.get_all("Set-Cookie") or ():
            jar.load(header)
        answer = self.request("GET", "login", token=None, base=BASE)
        for header in answer.headers.get_all("Set-Cookie") or ():
            jar.load(header)
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())
        return {"Cookie": cookies}, jar["_xsrf"].value

    def stream(self, headers=None, token=TOKEN, **parameters):
        """An open stream of changes."""
        return EventStream(self, headers or {}, token, parameters)


class Answer:
    """What came back."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class EventStream:
    """Server-sent events, read one by one."""

    def __init__(self, server, headers, token, parameters):
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        own = {"Authorization": f"token {token}"} if token else {}
        path = f"{API}/events?{urlencode(parameters, doseq=True)}"
        self._connection.request("GET", path, headers={**own, "Accept": "text/event-stream", **headers})
        self.response = self._connection.getresponse()
        self.status = self.response.status
        self.last_id = None
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self._connection.close()

    def next(self):
        """The next event: (kind, data); None when the server closed the stream."""
        kind, data = "message", None
        while True:
            line = self.response.readline()
            if not line:
                return None
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif text.startswith("id: "):
                self.last_id = text[4:]
            elif text.startswith("event: "):
                kind = text[7:]
            elif text.startswith("data: "):
                data = json.loads(text[6:])
            elif not text and data is not None:
                return kind, data

    def until(self, condition):
        """Read until an event fulfils a condition of (kind, data); its data."""
        while (found := self.next()) is not None:
            if condition(*found):
                return found[1]
        raise AssertionError("the stream ended")

    def run(self, run, condition=lambda change: True):
        """Read until a run has changed in a way; the change."""

        def found(kind, data):
            return kind == "change" and any(r["run"] == run and condition(r) for r in data["runs"])

        return next(r for r in self.until(found)["runs"] if r["run"] == run)


def address(store, *path):
    """An address below a store."""
    return "/".join([f"/stores/{store}", *(quote(part, safe="") for part in path)])


def of_run(store, run, *more, entity="e", project="p"):
    """An address of a run."""
    return address(store, "projects", entity, project, "runs", run, *more)


def paths_in(text):
    """What looks like a folder of this machine."""
    return re.findall(r"(?:/(?:tmp|home|root|work|usr|var|private)/|[A-Z]:\\)\S+", text)
