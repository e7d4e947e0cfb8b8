"""Runs that programs have logged to the store of a server, and notebooks with dashboards of them: no kernel is needed."""

import contextlib
import subprocess
import sys
import textwrap

import nbformat

from tests.browser.jupyter import MIME, Notebook
from tracker_nb.panels.views import view_of

PREPARED = """
import contextlib, math, os
import tracker_nb

"""
ONE_OF_EACH = """
def train(name, lr, seconds=60):
    with tracker_nb.init(project="{project}", name=name, id=name, config={{"lr": lr, "model": {{"depth": 3}}}}) as run:
        run.define_metric("val/accuracy", goal="maximize")
        for step in range(seconds):
            run.log({{
                "train/loss": 1 / (1 + step * lr), "val/accuracy": 1 - 1 / (2 + step * lr), "lr": lr * math.cos(step / 40),
                "system/cpu": step % 9,
            }})
        yield run

for name, lr in {{"calm-hill": 0.1, "dry-moss": 0.2, "last-one": 0.3}}.items():
    for run in train(name, lr):
        pass
with contextlib.suppress(ValueError):
    with tracker_nb.init(project="{project}", name="red-door", id="red-door") as run:
        run.log({{"train/loss": 3.0, "val/accuracy": 0.1}})
        raise ValueError("loss is not finite")
with contextlib.suppress(KeyboardInterrupt):
    with tracker_nb.init(project="{project}", name="short-day", id="short-day") as run:
        run.log({{"train/loss": 2.0, "val/accuracy": 0.2}})
        raise KeyboardInterrupt
if not os.fork():
    run = tracker_nb.init(project="{project}", name="lost-sock", id="lost-sock")
    run.log({{"train/loss": 2.0, "val/accuracy": 0.3}})
    os._exit(1)
os.wait()
"""
"""Six runs of a project: three that finished, one that failed, one that was killed, one that crashed."""


def logged(jupyter, code, **values):
    """Run a program that logs to the store of the server, to its end."""
    subprocess.run(
        [sys.executable, "-c", PREPARED + textwrap.dedent(code).format(**values)],
        env=jupyter.environment(),
        check=True,
        timeout=120,
    )


@contextlib.contextmanager
def logging(jupyter, path):
    """A run "project/name" that a program of its own logs to, ten times a second, until the end of the block."""
    project, name = path.split("/")
    code = f"""
    import itertools, time
    with tracker_nb.init(project={project!r}, name={name!r}, id={name!r}) as run:
        for i in itertools.count():
            run.log({{"loss": 1 / (1 + i % 50)}})
            if i == 5:
                print("logged", flush=True)
            time.sleep(0.1)
    """
    program = subprocess.Popen(
        [sys.executable, "-c", PREPARED + textwrap.dedent(code)],
        env=jupyter.environment(),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert program.stdout.readline().strip() == b"logged"
        yield program
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


def payloads(jupyter, *things):
    """What our front end reads of a display: of a run "project/run", a project, or "" for all projects."""
    with contextlib.closing(jupyter.api()) as asked:
        found = []
        for thing in things:
            shown = asked.run(thing) if "/" in thing else asked.runs(thing) if thing else asked
            found.append(view_of(shown).payload())
        return found


def displays(jupyter, context, app, name, *things, page=None):
    """A notebook that was saved with these displays, opened: the first stands under the first cell."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for n, (thing, payload) in enumerate(zip(things, payloads(jupyter, *things), strict=True)):
        output = nbformat.v4.new_output("display_data", {MIME: payload, "text/plain": thing or "all projects"})
        made.cells.append(nbformat.v4.new_code_cell(f"%track {thing}", id=f"cell-{n}", outputs=[output]))
    nbformat.write(made, jupyter.files / name)
    return Notebook(page or context.new_page(), jupyter, app, name).open(kernel=False)
