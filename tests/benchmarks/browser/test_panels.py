"""What a person waits for, and what panels cost a page, in JupyterLab and a real Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

from tests.benchmarks.conftest import SCALE, scaled
from tests.browser.jupyter import CHROMIUM, Jupyter, Notebook
from tests.browser.looking import dashboard, wait_for_text, wait_until

pytest.importorskip("playwright", reason="needs playwright and Chromium")

WATCH = """node => {
  // Sees every frame in which a chart is another one than before: a sum over its pixels.
  const sums = new Map(), seen = (window.tnbSeen = [])
  const look = () => {
    for (const canvas of node.querySelectorAll('canvas')) {
      if (!canvas.width || !canvas.height) continue
      const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)
      let sum = 0
      for (let i = 0; i < pixels.length; i++) sum = (sum * 31 + pixels[i]) | 0
      if (sums.get(canvas) !== sum) { sums.set(canvas, sum); seen.push(performance.timeOrigin + performance.now()) }
    }
    requestAnimationFrame(look)
  }
  look()
}"""
FRAME = 1000 / 60
"""What was drawn before a frame is on the screen at its end."""


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    with Jupyter(tmp_path_factory.mktemp("jupyter") / "home") as found:
        yield found


@pytest.fixture
def own_jupyter(tmp_path):
    """A server without a past: for every kernel that was shut down, Jupyter's own tries to connect to it for ever."""
    with Jupyter(tmp_path / "home") as found:
        yield found


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), headless=True, args=list(CHROMIUM)
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium, jupyter):
    found = chromium.new_context(viewport={"width": 1400, "height": 1000})
    yield found
    found.close()
    jupyter.shut_down_kernels()


_names = iter(range(1000))


def opened(jupyter, context, *cells):
    name = f"measured-{next(_names)}.ipynb"
    jupyter.write(name, cells)
    return Notebook(context.new_page(), jupyter, "lab", name).open()


def logged_by_a_script(jupyter, code):
    """Runs in the store of the server, logged by a process of their own."""
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**jupyter.environment(), "TRACKER_NB_SILENT": "true"},
        check=True,
    )


def six_metrics(jupyter):
    logged_by_a_script(
        jupyter,
        """
        import random, tracker_nb
        with tracker_nb.init(project="lines", name="again") as run:
            for i in range(2000):
                run.log({f"m{k}": random.random() for k in range(6)})
        """,
    )


def canvases(nb, cell, least, seconds=30):
    wait_until(nb.page, lambda: dashboard(nb, cell).locator("canvas").count() >= least, seconds, "no charts")


def test_a_logged_point_is_on_the_screen_while_the_kernel_is_busy(jupyter, context, repeat, record, check):
    points = scaled(60, least=5)
    cell = f"""\
        %%track bench/pixels
        import random, time
        for i in range({points}):
            tracker_nb.log({{"value": random.random()}})
            until = time.time() + random.uniform(0.6, 1.0)
            while time.time() < until:  # Python all the time
                pass
        """
    nb = opened(jupyter, context, "import tracker_nb", textwrap.dedent(cell))
    nb.run(0)
    nb.wait_done(0)

    def measure():
        nb.run(1)
        wait_for_text(nb, 1, "Running")
        canvases(nb, 1, 1)
        dashboard(nb, 1).evaluate(WATCH)
        wait_for_text(nb, 1, "Finished", seconds=points * 1.2 + 30)
        seen = np.array(nb.page.evaluate("() => window.tnbSeen"))
        logged = jupyter.api().run("bench/pixels").series("value").time
        found = logged.astype("datetime64[us]").astype(np.int64) / 1000
        # From the third on: what came before the charts were there is another figure.
        return np.array([seen[seen >= at][0] - at + FRAME for at in found[3:] if (seen >= at).any()])

    [latencies] = repeat(measure, 1)

    assert len(latencies) >= points - 5
    record(
        "pixels",
        [float(np.percentile(latencies, 95))],
        note=f"median {np.median(latencies):.0f} ms of {len(latencies)}",
    )
    check()


def test_a_large_dashboard_shows_its_first_charts_soon(jupyter, context, repeat, record, check):
    rows = scaled(100_000, least=1000)
    logged_by_a_script(
        jupyter,
        f"""
        import random, tracker_nb
        for r in range(10):
            with tracker_nb.init(project="large") as run:
                values = [random.random() for _ in range(4096)]
                names = [f"m{{k}}" for k in range(12)]
                for i in range({rows}):
                    run.log({{name: values[(i * (k + 1)) & 4095] for k, name in enumerate(names)}})
        """,
    )
    nb = opened(jupyter, context, "%load_ext tracker_nb", "%track large")
    nb.run(0)
    nb.wait_done(0)

    def measure():
        nb.do("panel.content.widgets[1].model.clearExecution()")
        begin = time.perf_counter()
        nb.run(1)
        # The first row of charts, drawn with all ten lines: not an empty frame.
        nb.page.wait_for_function(
            """() => {
              const charts = [...document.querySelectorAll('.tnb-output canvas')].slice(0, 2)
              return charts.length === 2 && charts.every(canvas => {
                if (!canvas.width) return false
                const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
                const hues = new Set()
                for (let i = 0; i < data.length; i += 4)
                  if (data[i + 3] > 200 && Math.max(...data.slice(i, i + 3)) - Math.min(...data.slice(i, i + 3)) > 60)
                    hues.add((data[i] >> 5) * 64 + (data[i + 1] >> 5) * 8 + (data[i + 2] >> 5))
                return hues.size >= 4
              })
            }""",
            timeout=60_000,
            polling="raf",
        )
        return time.perf_counter() - begin

    record(
        "dashboard", repeat(measure, 3), note=f"10 runs x 12 metrics x {rows:,} points, with the cell that shows them"
    )
    check()


def test_zooming_into_ten_million_points_gives_a_new_picture_at_once(jupyter, context, repeat, record, check):
    points = scaled(10_000_000, least=50_000)
    logged_by_a_script(
        jupyter,
        f"""
        import random, tracker_nb
        values = [random.random() for _ in range(65536)]
        with tracker_nb.init(project="long", name="long") as run:
            for i in range({points}):
                run.log({{"value": values[i & 65535]}})
        """,
    )
    nb = opened(jupyter, context, "%load_ext tracker_nb", "%track long/long")
    nb.run(0)
    nb.wait_done(0)
    nb.run(1)
    nb.wait_done(1)
    canvases(nb, 1, 1)
    dashboard(nb, 1).evaluate(WATCH)
    box = dashboard(nb, 1).locator("canvas").first.bounding_box()

    def drag(begin, end):
        """Zoom into a part of the width; ms until the last change of the picture."""
        y = box["y"] + box["height"] / 2
        left, width = box["x"] + 0.2 * box["width"], 0.7 * box["width"]
        nb.page.mouse.move(left + begin * width, y)
        nb.page.mouse.down()
        nb.page.mouse.move(left + end * width, y, steps=3)
        nb.page.wait_for_timeout(100)
        at = nb.page.evaluate("() => performance.timeOrigin + performance.now()")
        nb.page.mouse.up()
        nb.page.wait_for_timeout(1500)
        seen = [t for t in nb.page.evaluate("() => window.tnbSeen") if t >= at]
        assert seen, "the picture did not change"
        return seen[-1] - at + FRAME

    def measure():
        drag(0.4, 0.5)  # a tenth of it, and a tenth of that
        taken = drag(0.4, 0.5)
        nb.page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        nb.page.wait_for_timeout(1500)
        return taken

    nb.page.wait_for_timeout(1500)
    record("zoom", repeat(measure, 7), note=f"of {points:,} points, drawn and still")
    check()


def test_live_lines_leave_the_page_time_for_its_user(jupyter, context, repeat, record, check):
    seconds = scaled(30, least=5)
    # 20 lines: two of the six metrics are logged by one run only.
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                f"""
                import random, time, tracker_nb
                runs = [tracker_nb.init(project="lines", reinit="create_new") for _ in range(4)]
                for run in runs:
                    for i in range(2000):
                        run.log({{f"m{{k}}": random.random() for k in range(4 if run is not runs[0] else 6)}})
                until = time.time() + {seconds + 60}
                while time.time() < until:
                    for run in runs:
                        run.log({{f"m{{k}}": random.random() for k in range(4 if run is not runs[0] else 6)}})
                    time.sleep(0.5)
                """
            ),
        ],
        env={**jupyter.environment(), "TRACKER_NB_SILENT": "true"},
    )
    try:
        nb = opened(jupyter, context, "%load_ext tracker_nb", "%track -h 900 lines")
        wait_until(nb.page, lambda: jupyter.runs("lines") >= 4, 30, "no runs")
        nb.run(0)
        nb.wait_done(0)
        nb.run(1)
        nb.wait_done(1)
        canvases(nb, 1, 6)
        nb.page.wait_for_timeout(3000)
        devtools = context.new_cdp_session(nb.page)
        devtools.send("Performance.enable")

        def busy():
            metrics = {m["name"]: m["value"] for m in devtools.send("Performance.getMetrics")["metrics"]}
            return metrics["TaskDuration"], metrics["Timestamp"]

        def measure():
            before, begin = busy()
            nb.page.wait_for_timeout(seconds * 1000)
            after, end = busy()
            return (after - before) / (end - begin) * 100

        record("live-lines", repeat(measure, 3), note=f"{seconds} s each, 2,000 points a line at the beginning")
    finally:
        writer.kill()
        writer.wait()
    check()


def test_dashboards_in_two_tabs_do_not_hold_up_jupyters_own_requests(jupyter, context, repeat, record, check):
    cells = ["import tracker_nb, time", *["%track lines"] * 4]
    asking = """async () => {
      const config = JSON.parse(document.getElementById('jupyter-config-data').textContent), taken = []
      for (let i = 0; i < 40; i++) {
        const begin = performance.now()
        await (await fetch(config.baseUrl + 'api/kernels?no_track_activity=1', {cache: 'no-store'})).text()
        taken.push(performance.now() - begin)
        await new Promise(done => setTimeout(done, 50))
      }
      return taken
    }"""
    six_metrics(jupyter)
    plain = opened(jupyter, context, "1")
    alone = plain.page.evaluate(asking)
    plain.page.close()
    tabs = [opened(jupyter, context, *cells) for _ in range(2)]
    for nb in tabs:
        nb.page.bring_to_front()
        nb.run_all()
        nb.wait_done(4)
        canvases(nb, 1, 2)

    found = repeat(lambda: tabs[-1].page.evaluate(asking), 3)

    before = float(np.percentile(alone, 95))
    record(
        "jupyter-requests",
        [float(np.percentile(one, 95)) - before for one in found],
        note=f"p95 of a request without dashboards: {before:.0f} ms",
    )
    check()


def test_hidden_dashboards_cost_an_idle_server_nothing(own_jupyter, context, repeat, record, check):
    seconds = scaled(60, least=5)
    six_metrics(own_jupyter)
    nb = opened(own_jupyter, context, "import tracker_nb", *["%track lines"] * 10)
    nb.run_all()
    nb.wait_done(10)
    canvases(nb, 1, 2)
    # A browser without a window hides no tab: this is what a tab is told when another one comes before it.
    nb.page.evaluate(
        """() => {
          Object.defineProperty(document, 'hidden', {get: () => true})
          Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})
          document.dispatchEvent(new Event('visibilitychange'))
        }"""
    )
    front = context.new_page()
    own_jupyter.shut_down_kernels()  # an idle server, not an idle kernel
    front.wait_for_timeout(5000)
    server = psutil.Process(own_jupyter.process.pid)

    def measure():
        before = sum(server.cpu_times()[:2])
        begin = time.perf_counter()
        front.wait_for_timeout(seconds * 1000)
        return (sum(server.cpu_times()[:2]) - before) / (time.perf_counter() - begin) * 100

    values = repeat(measure, 1)
    nb.page.close()
    front.wait_for_timeout(5000)
    without = measure()
    record(
        "idle", values, note=f"{seconds} s, all in a tab behind another; Jupyter itself without them {without:.2f} %"
    )
    check()


def test_a_saved_dashboard_is_small(jupyter, context, repeat, record, check):
    cell = f"""\
        %%track bench/saved
        import random
        for i in range({scaled(100_000, least=1000)}):
            tracker_nb.log({{f"metric {{k}}": random.random() for k in range(30)}})
        """
    nb = opened(jupyter, context, "import tracker_nb", textwrap.dedent(cell))

    def measure():
        nb.run_all()
        wait_for_text(nb, 1, "Finished", seconds=120)
        nb.page.wait_for_timeout(3000)
        nb.save()
        return (jupyter.files / nb.name).stat().st_size / 1000

    assert SCALE <= 1
    record("saved", repeat(measure, 1), note="30 metrics of 100,000 points; the notebook has one more cell")
    check()
