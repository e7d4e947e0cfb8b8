"""Train a small neural network on scikit-learn's handwritten digits and track it.

    python notebooks/train.py
    python notebooks/train.py --hidden 128 --lr 0.01 --name wider
    tracker-nb runs digits

Needs scikit-learn. Everything that concerns tracking is marked with (1) to (4).
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import tracker_nb


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=64, help="units of the hidden layer")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate of Adam")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--project", default="digits")
    parser.add_argument("--name", help="name of the run; made up when left out")
    return parser.parse_args()


def load_data(seed):
    """Images of 8 x 8 pixels as rows of 64 numbers between 0 and 1, a quarter of them held out."""
    images, digits = load_digits(return_X_y=True)
    return train_test_split(images / 16, digits, test_size=0.25, random_state=seed, stratify=digits)


def batches(n, size, rng):
    order = rng.permutation(n)
    return (order[start : start + size] for start in range(0, n, size))


def train(run, args):
    x_train, x_val, y_train, y_val = load_data(args.seed)
    classes = np.unique(y_train)
    rng = np.random.default_rng(args.seed)
    model = MLPClassifier(hidden_layer_sizes=(args.hidden,), learning_rate_init=args.lr, random_state=args.seed)

    for epoch in range(args.epochs):
        for batch in batches(len(x_train), args.batch_size, rng):
            model.partial_fit(x_train[batch], y_train[batch], classes=classes)
            run.log({"batch/loss": model.loss_, "epoch": epoch})  # (2) each call is one step

        metrics = {
            "epoch": epoch,
            "train/loss": log_loss(y_train, model.predict_proba(x_train), labels=classes),
            "val/loss": log_loss(y_val, model.predict_proba(x_val), labels=classes),
            "val/acc": model.score(x_val, y_val),
        }
        run.log(metrics)
        run.summary["best_val_acc"] = max(run.summary.get("best_val_acc", 0.0), metrics["val/acc"])  # (3)


def main():
    args = parse_args()
    with tracker_nb.init(project=args.project, name=args.name, config=vars(args)) as run:  # (1)
        train(run, args)
        print(f"{run.name}: best validation accuracy {run.summary['best_val_acc']:.3f}")
    print(f"Look at it with: tracker-nb runs {args.project}")  # (4)


if __name__ == "__main__":
    main()
