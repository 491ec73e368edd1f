"""Make the pictures of docs/plotting.md.

    python docs/pictures.py

CIFAR-10 is looked for in $FASTLIN_DATA or the cache; where it is not, its picture is left as it is, and the script says
so. The other pictures are of data that comes with fastlin.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fastlin import SoftmaxClassifier, datasets, plotting

IMAGES = Path(__file__).resolve().parent / "images"
DPI = 110


def save(figure: Figure, name: str) -> None:
    figure.savefig(IMAGES / name, dpi=DPI, metadata={"Software": None})
    print(f"{name}: {(IMAGES / name).stat().st_size / 1000:.0f} kB")


def cifar10_templates() -> None:
    try:
        data = datasets.load_cifar10()
    except FileNotFoundError as error:
        print(f"no templates of CIFAR-10: {error}")
        return
    model = SoftmaxClassifier(alpha=0.3, random_state=0).fit(data.X_train, data.y_train)
    save(plotting.templates(model, class_names=data.class_names), "templates.png")
    print(f"  test accuracy {model.score(data.X_test, data.y_test):.1%}")


def clothes_evidence() -> None:
    data = datasets.load_fashion_mnist_small()
    model = SoftmaxClassifier(alpha=0.01, random_state=0).fit(data.X_train, data.y_train)
    found = plotting.worst_mistakes(model, data.X_test, data.y_test, n=1)
    row, classes = int(found.rows[0]), [int(found.predicted[0]), int(found.true[0])]
    figure = plotting.evidence(model, data.X_test[row], classes=classes, class_names=data.class_names)
    save(figure, "evidence.png")
    names = [data.class_names[label] for label in classes]
    print(f"  test image {row}: predicted {names[0]} with {found.probability[0]:.0%}, is {names[1]}")


def polar(points: np.ndarray) -> np.ndarray:
    angle = np.arctan2(points[:, 1], points[:, 0])
    return np.column_stack([np.hypot(points[:, 0], points[:, 1]), np.sin(angle), np.cos(angle)])


def ring_regions() -> None:
    X, y = datasets.make_ring(600)
    figure = Figure(figsize=(8.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = ["disc", "ring"]
    plotting.decision_regions(SoftmaxClassifier(random_state=0).fit(X, y), X, y, class_names=names, ax=left)
    model = SoftmaxClassifier(random_state=0).fit(polar(X), y)
    plotting.decision_regions(model, X, y, transform=polar, class_names=names, ax=right)
    left.set_title(f"x and y: {left.get_title()}", fontsize=10)
    right.set_title(f"polar coordinates: {right.get_title()}", fontsize=10)
    left.get_legend().remove()
    save(figure, "regions.png")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    IMAGES.mkdir(exist_ok=True)
    cifar10_templates()
    clothes_evidence()
    ring_regions()
