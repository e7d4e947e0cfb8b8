"""The loader of widgets, in a real browser: where it finds the program, and what it says when it finds none."""

import functools
import html
import http.server
import json
import re
import subprocess
import threading

import pytest

pytest.importorskip("anywidget")

from tracker_nb.panels.dashboard import loader

PAGE = """<!doctype html><meta charset="utf-8">%(config)s<div id="here"></div>
<script type="module">
import loader from '/widget.js';
%(page)s
const listeners = { 'msg:custom': new Set() };
const say = (name, ...values) => [...listeners[name]].forEach(one => one(...values));
const program = new TextEncoder().encode(%(program)s);
const model = {
  get: () => 'first',
  on: (name, one) => listeners[name].add(one),
  off: (name, one) => listeners[name].delete(one),
  send: question => setTimeout(() => %(kernel)s
    ? say('msg:custom', { id: question.id, result: null }, [new DataView(program.buffer)])
    : say('msg:custom', { id: question.id, error: { type: 'MissingExtra', message: 'No <b>front end</b> here.' } }))
};
const el = document.getElementById('here');
const dispose = await loader.render({ model, el });
if (dispose) {
  dispose();
  el.append(` left=${listeners['msg:custom'].size}`);
}
el.id = 'done';
</script>"""
CONFIG = '<script id="jupyter-config-data" type="application/json">%s</script>'
PROGRAM = """export default { render({ model, el }) {
  const mine = document.createElement('p');
  mine.textContent = 'WHO shows ' + model.get();
  el.append(mine);
  return () => mine.append(', gone');
} };"""


class Handler(http.server.BaseHTTPRequestHandler):
    """Files by address; whatever is asked for is noted."""

    def __init__(self, files, asked, *arguments):
        self.files, self.asked = files, asked
        super().__init__(*arguments)

    def do_GET(self):
        self.asked.append(self.path)
        found = self.files.get(self.path.partition("?")[0])
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "text/javascript")
        self.end_headers()
        self.wfile.write((found or "").encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def shown(tmp_path, browser_program):
    """What a page shows, and what it asked the server for, given what there is."""

    def show(*, config=None, kernel=False, page=False, **programs):
        asked = []
        own = PROGRAM.replace("WHO", "page").replace("export default", "globalThis[Symbol.for('tracker_nb.page')] =")
        document = PAGE % {
            "page": own if page else "",
            "config": "" if config is None else CONFIG % json.dumps(config),
            "program": json.dumps(PROGRAM.replace("WHO", "kernel")),
            "kernel": json.dumps(kernel),
        }
        files = {"/": document, "/widget.js": loader()}
        files |= {path: PROGRAM.replace("WHO", name) for name, path in programs.items()}
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, files, asked)) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            options = [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
            ]
            command = [
                browser_program,
                *options,
                f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=10000",
                "--dump-dom",
            ]
            address = f"http://127.0.0.1:{server.server_port}/"
            done = subprocess.run([*command, address], capture_output=True, text=True, timeout=60, check=True)
            server.shutdown()
        (inside,) = re.findall(r'<div id="done">(.*?)</div>', done.stdout, re.DOTALL)
        return inside, [path for path in asked if "panels.js" in path]

    return show


JUPYTER = {"baseUrl": "/user/a/", "fullLabextensionsUrl": "/user/a/lab/extensions"}
AT_EXTENSION, AT_SERVER = "/user/a/lab/extensions/tracker-nb/static/panels.js", "/user/a/tracker-nb/api/v1/panels.js"


def test_the_program_comes_from_the_labextension_with_its_version_in_the_address(shown):
    inside, asked = shown(config=JUPYTER, extension=AT_EXTENSION, server=AT_SERVER)
    assert "extension shows first" in inside
    (address,) = asked
    assert re.fullmatch(re.escape(AT_EXTENSION) + r"\?v=[0-9a-f]+", address)


def test_a_page_with_our_extension_gives_its_own_program_and_nothing_is_fetched(shown):
    inside, asked = shown(config=JUPYTER, page=True, extension=AT_EXTENSION, kernel=True)
    assert "page shows" in inside
    assert asked == []


def test_it_comes_from_the_server_extension_where_the_labextension_has_none(shown):
    inside, asked = shown(config=JUPYTER, server=AT_SERVER)
    assert "server shows first" in inside
    assert [path.partition("?")[0] for path in asked] == [AT_EXTENSION, AT_SERVER]


@pytest.mark.parametrize("config", [None, JUPYTER])
def test_it_comes_from_the_kernel_where_nobody_else_has_it(shown, config):
    inside, asked = shown(config=config, kernel=True)
    assert "kernel shows first" in inside
    assert len(asked) == (0 if config is None else 2)


def test_a_widget_that_is_closed_is_taken_down_and_listens_no_more(shown):
    inside, _ = shown(kernel=True)
    assert inside == "<p>kernel shows first, gone</p> left=0"


def test_it_says_why_there_is_nothing_as_text(shown):
    inside, _ = shown()
    assert html.unescape(inside) == "This dashboard cannot be shown: No <b>front end</b> here."
    assert "<b>" not in inside
