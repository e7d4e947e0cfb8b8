"""A plain W&B script runs as it is, with `import tracker_nb as wandb` in the place of `import wandb`."""

import json
import os
import subprocess
import sys

import pytest

import tracker_nb
from tests.support import ROOT


def execute(script, tmp_path, *arguments):
    path = tmp_path / "script.py"
    path.write_text(script, "utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", path, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )


# The reference's chapter 1 as a user would have it: create a run, fill its config, log in a loop, save outputs.
FOUR_STEPS = """
import tracker_nb as wandb
import random

# 1. Start a run
run = wandb.init(project="my-project", entity="my-entity", notes="My first experiment", tags=["baseline", "paper1"])

# 2. Capture a dictionary of hyperparameters
wandb.config = {"epochs": 10, "learning_rate": 0.001, "batch_size": 128}

# 3. Log metrics inside the training loop
offset = random.random() / 5
for epoch in range(2, wandb.config.epochs):
    acc = 1 - 2 ** -epoch - random.random() / epoch - offset
    loss = 2 ** -epoch + random.random() / epoch + offset
    print(f"epoch={epoch}, accuracy={acc}, loss={loss}")
    wandb.log({"accuracy": acc, "loss": loss})

# 4. What to compare runs by
wandb.run.summary["best_accuracy"] = acc
wandb.summary["test"] = {"accuracy": 0.5}
print(wandb.run.id, wandb.run.name, wandb.run.project, wandb.run.entity)
wandb.finish()
"""


@pytest.mark.ref("1-1")
def test_the_four_step_script_of_the_reference_runs_with_tracker_nb_imported_as_wandb(store, tmp_path):
    done = execute(FOUR_STEPS, tmp_path)

    (run,) = tracker_nb.Api().runs("my-entity/my-project")
    assert (run.state, run.notes, run.tags) == ("finished", "My first experiment", ["baseline", "paper1"])
    assert run.config == {"epochs": 10, "learning_rate": 0.001, "batch_size": 128}
    assert len(run.series("accuracy")) == len(run.series("loss")) == 8
    assert run.series("loss").step.tolist() == list(range(8))
    assert run.summary["best_accuracy"] == run.summary["accuracy"] == run.series("accuracy").value[-1]
    assert done.stdout.splitlines()[-1].split()[:2] == [run.id, run.name]


WITH_AND_ARGPARSE = """
import argparse
import tracker_nb as wandb

def main(args):
    with wandb.init(project="cnn", config=vars(args), job_type="train", group="experiment_1") as run:
        config = run.config
        for epoch in range(config["epochs"]):
            run.log({"train": {"loss": 1 / (epoch + 1), "epoch": epoch}}, commit=False)
            run.log({"val/acc": epoch * config.lr})
        run.summary.update({"test_acc": 0.8, "n": len(config)})

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-e", "--epochs", type=int, default=5)
    parser.add_argument("-lr", type=int, default=0.001)
    main(parser.parse_args())
"""


def test_a_script_with_argparse_and_a_with_block_runs_too(store, tmp_path):
    execute(WITH_AND_ARGPARSE, tmp_path, "-e", "3")

    (run,) = tracker_nb.Api().runs("cnn")
    assert run.config == {"epochs": 3, "lr": 0.001}
    rows = run.history(pandas=False)
    assert [(row["_step"], row["train.epoch"], row["val/acc"]) for row in rows] == [
        (0, 0, 0.0),
        (1, 1, 0.001),
        (2, 2, 0.002),
    ]
    assert (run.summary["test_acc"], run.summary["n"], run.metadata["argv"]) == (0.8, 2, ["-e", "3"])
    assert run.metadata["program"].endswith("script.py")


SEVERAL_RUNS = """
import tracker_nb as wandb

for lr in [0.1, 0.2, 0.3]:
    run = wandb.init(project="grid", config={"lr": lr}, reinit=True)
    assert wandb.config.lr == lr
    wandb.log({"loss": lr})
    run.finish()
try:
    wandb.log({"loss": 1})
except wandb.TrackerError as error:
    print(error)
"""


def test_a_script_with_several_runs_makes_each_of_them(store, tmp_path):
    done = execute(SEVERAL_RUNS, tmp_path)

    runs = tracker_nb.Api().runs("grid", order="+created_at")
    assert [(run.config["lr"], run.summary["loss"]) for run in runs] == [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]
    assert "call tracker_nb.init()" in done.stdout


@pytest.mark.ref("1-2")
def test_results_are_read_back_by_the_api_and_by_the_command_line(store):
    with tracker_nb.init(entity="team", project="p", name="first", config={"lr": 0.1}) as run:
        run.log({"loss": 0.5})

    found = tracker_nb.Api().run("team/p/first")
    assert (found.id, found.state, found.config, found.summary["loss"]) == (run.id, "finished", {"lr": 0.1}, 0.5)
    command = [sys.executable, "-m", "tracker_nb", "runs", "team/p", "--json"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ}).stdout
    assert run.id in json.dumps(json.loads(text))
    table = subprocess.run(command[:-1], capture_output=True, text=True, check=True).stdout
    assert "first" in table
    assert "finished" in table.lower()


def test_login_is_accepted_because_scripts_begin_with_it(store):
    assert tracker_nb.login(key="0123") is True
    assert not store.exists()
