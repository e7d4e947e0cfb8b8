"""What a user of each tracker types until a chart moves. Commands and lines of code are those of its own quickstart.

The training is the same for all: two metrics, twenty times a second, for two minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import REQUIREMENTS

LOOP = """
import time
from pathlib import Path

{begin}
for step in range(2400):
    loss, acc = 1 / (1 + step / 20), 1 - 1 / (1.1 + step / 30)
    {log}
    if step == 0:
        Path("began").write_text(repr(time.time()))  # for the measurement
    time.sleep(0.05)
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tracker, and the way to its first chart.

    Attributes:
        requirements: what pip is told.
        package: distribution whose version is shown.
        tracking: lines that concern tracking, as a user adds them to a training.
        shows: the command that shows charts; `{port}` is a free one. What only the measurement needs (a port, no
            window) is in it too, and not in `typed`.
        typed: commands of the shell, in order, as the page shows them.
        clicks: where to, until a chart is there; pages opened by hand among them.
        find: does these clicks and returns the locator of a chart.
        place: where that chart is.
    """

    name: str
    title: str
    requirements: tuple[str, ...]
    package: str
    tracking: tuple[str, ...]
    training: str
    shows: tuple[str, ...]
    typed: tuple[str, ...]
    clicks: tuple[str, ...]
    place: str
    address: str = "http://127.0.0.1:{port}/"
    find: Callable[[Any], Any] = lambda page: page.locator("canvas").first
    prepare: Callable[[Path], None] = lambda folder: None
    from_clone: bool = False
    in_terminal: bool = False
    trains_in_a_script: bool = True
    variables: dict[str, str] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------------ ours

OURS = ("import tracker_nb", "%%track demo", 'tracker_nb.log({"loss": loss, "acc": acc})')


def _notebook(folder: Path) -> None:
    import nbformat

    # What a person types into two cells; the magic comes with the import.
    cells = [nbformat.v4.new_code_cell(OURS[0]), nbformat.v4.new_code_cell((folder / "train.py").read_text())]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "train.ipynb")


def _run_all(page: Any) -> Any:
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.locator(".jp-StatusBar-TextItem", has_text="| Idle").wait_for()  # earlier, JupyterLab asks which kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    return page.locator(".tnb-output canvas").first


# ------------------------------------------------------------------------------------------------ others


def _tensorboard(page: Any) -> Any:
    card = page.locator("scalar-card line-chart .series-view").first
    for _ in range(60):
        page.locator('app-header button[title^="Last Updated"]').wait_for()
        page.wait_for_timeout(1000)
        if card.count():
            break
        page.locator('app-header button[title^="Last Updated"]').click()
    return card


def _mlflow(page: Any) -> Any:
    page.get_by_text("Model training", exact=True).first.click()
    page.get_by_role("link", name="Default").last.click()
    page.locator('a[href*="/runs/"]').first.click()
    page.get_by_text("Model metrics").first.click()
    return page.locator(".js-plotly-plot").first


TOOLS = (
    Tool(
        name="tracker_nb",
        title="tracker_nb, in JupyterLab",
        requirements=(".[lab]",),
        package="tracker_nb",
        from_clone=True,
        tracking=OURS,
        training=OURS[1] + LOOP.format(begin="", log=OURS[2]),
        trains_in_a_script=False,
        prepare=_notebook,
        shows=(
            *("jupyter", "lab", "--no-browser", "--port={port}", "--ServerApp.port_retries=0", "--allow-root"),
            *("--IdentityProvider.token=", "--ServerApp.root_dir=."),
        ),
        typed=("pip install '.[lab]'", "jupyter lab"),
        address="http://127.0.0.1:{port}/lab/tree/train.ipynb",
        clicks=("run the two cells",),
        place="under the cell that trains",
        find=_run_all,
    ),
    Tool(
        name="trackio",
        title="trackio",
        requirements=tuple(REQUIREMENTS["trackio"]),
        package="trackio",
        tracking=("import trackio", 'trackio.init(project="demo")', 'trackio.log({"loss": loss, "acc": acc})'),
        training=LOOP.format(
            begin='import trackio\ntrackio.init(project="demo")', log='trackio.log({"loss": loss, "acc": acc})'
        ),
        shows=("trackio", "show"),
        typed=("pip install trackio", "python train.py", "trackio show"),
        clicks=(),
        place="on a page of its own",
        variables={"GRADIO_SERVER_PORT": "{port}"},
    ),
    Tool(
        name="mlflow",
        title="MLflow",
        requirements=("mlflow==3.17.2",),
        package="mlflow",
        tracking=(
            "import mlflow",
            "with mlflow.start_run():",
            'mlflow.log_metrics({"loss": loss, "acc": acc}, step=step)',
        ),
        training=LOOP.format(
            begin="import mlflow\nmlflow.start_run()", log='mlflow.log_metrics({"loss": loss, "acc": acc}, step=step)'
        ),
        shows=("mlflow", "ui", "--port", "{port}"),
        typed=("pip install mlflow", "python train.py", "mlflow ui"),
        clicks=("open localhost:5000", "Model training", "the experiment", "the run", "Model metrics"),
        place="on a page of its own",
        find=_mlflow,
    ),
    Tool(
        name="tensorboard",
        title="TensorBoard",
        requirements=tuple(REQUIREMENTS["tensorboardX"]),
        package="tensorboard",
        tracking=(
            "from tensorboardX import SummaryWriter",
            'writer = SummaryWriter("runs/demo")',
            'writer.add_scalar("loss", loss, step)',
            'writer.add_scalar("acc", acc, step)',
        ),
        training=LOOP.format(
            begin='from tensorboardX import SummaryWriter\nwriter = SummaryWriter("runs/demo")',
            log='writer.add_scalar("loss", loss, step); writer.add_scalar("acc", acc, step)',
        ),
        shows=("tensorboard", "--logdir", "runs", "--port", "{port}"),
        typed=("pip install tensorboard tensorboardX", "python train.py", "tensorboard --logdir runs"),
        clicks=("open localhost:6006", "reload, until there are data"),
        place="on a page of its own",
        find=_tensorboard,
    ),
    Tool(
        name="wandb",
        title="W&B, offline",
        requirements=tuple(REQUIREMENTS["wandb"]),
        package="wandb",
        tracking=("import wandb", 'wandb.init(project="demo")', 'wandb.log({"loss": loss, "acc": acc})'),
        training=LOOP.format(
            begin='import wandb\nwandb.init(project="demo")', log='wandb.log({"loss": loss, "acc": acc})'
        ),
        shows=("wandb", "leet"),
        typed=("pip install wandb", "WANDB_MODE=offline python train.py", "wandb leet"),
        clicks=(),
        place="in a terminal, drawn with characters",
        in_terminal=True,
        variables={"WANDB_MODE": "offline"},
    ),
)
