"""Instructions of the main kernels at fixed shapes, counted by valgrind: a regression shows on a noisy machine too.

    python bench/instructions.py            count, and print beside bench/instructions.json
    python bench/instructions.py --check    the same, and exit with 1 where a count is 5 % above the file's
    python bench/instructions.py --update   write the file: these counts are accepted

One thread, level avx2 (valgrind knows no AVX-512). One process under callgrind makes the data and warms every call up;
then a child is forked for each call that runs it 2 times, and one that runs it 4 times: what they differ by is two
calls, without interpreter, imports and first-time costs, and without a symbol of the kernels. Counts are the
compiler's and, where calls are short, the interpreter's, so they are compared only with counts of the same two; the
flags are kept beside them to explain a difference. Takes a minute and a half; wants valgrind (Debian: valgrind).
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threads import fix_threads

from fastlin import config, functional
from fastlin.benchmark.images import images
from fastlin.features import VisualWords, color_histogram, hog

FILE = Path(__file__).with_suffix(".json")
SETUP = Path(__file__).resolve().parent.parent / "setup.py"
LEVEL = "avx2"
# A count may be so much above the file's.
TOLERANCE = 0.05
# Calls before, as the interpreter specialises its code in the first ones; of the shorter child, where memory is touched
# for the first time; and those that are counted.
WARM, FIRST, COUNTED = 8, 2, 2


def calls() -> dict[str, Callable[[], Any]]:
    """What is counted: every storage type, few classes and many, a whole epoch, a call of next to no work, images."""
    rng = np.random.default_rng(0)
    found: dict[str, Callable[[], Any]] = {}

    def arrays(n: int, d: int, c: int, dtype: str) -> tuple[np.ndarray, ...]:
        kind = np.float64 if dtype == "float64" else np.float32
        X = rng.integers(0, 256, (n, d)) if dtype == "uint8" else rng.standard_normal((n, d))
        W = rng.standard_normal((c, d)) / np.sqrt(d) / (100 if dtype == "uint8" else 1)
        return X.astype(dtype), rng.integers(0, c, n), W.astype(kind), np.zeros(c, kind)

    def add(name: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        found[name] = lambda: function(*arguments, n_threads=1, **options)

    for dtype in ("uint8", "float16", "float32", "float64"):
        add(f"softmax_loss {dtype} 64x3072x10", functional.softmax_loss, *arrays(64, 3072, 10, dtype))
    for n, d, c in ((64, 3072, 2), (64, 3072, 4), (61, 1000, 37), (64, 768, 100), (64, 192, 1000), (32, 16, 3)):
        add(f"softmax_loss float32 {n}x{d}x{c}", functional.softmax_loss, *arrays(n, d, c, "float32"))
    plain = arrays(64, 3072, 10, "float32")
    add("hinge_loss float32 64x3072x10", functional.hinge_loss, *plain)
    add("squared hinge_loss float32 64x3072x10", functional.hinge_loss, *plain, power=2)
    for dtype in ("uint8", "float32"):
        X, y, W, b = arrays(128, 3072, 10, dtype)
        add(f"scores {dtype} 128x3072x10", functional.scores, X, W, b)
        add(f"predict {dtype} 128x3072x10", functional.predict, X, W, b)
        # A rate that leaves the weights as they are, but for roundings: each epoch has the same work.
        options = {"lr": 1e-30, "momentum": 0.9, "batch_size": 32, "order": rng.permutation(len(X))}
        if dtype == "uint8":
            options |= {"shift": np.full(3072, 128, np.float32), "scale": np.full(3072, 0.02, np.float32)}
        add(f"sgd_epoch {dtype} 128x3072x10, batches of 32", functional.sgd_epoch, X, y, W, b, **options)
    pictures = images("uint8", 8)
    add("hog uint8 8x32x32x3", hog, pictures, cells_per_block=(2, 2))
    add("color_histogram uint8 8x32x32x3", color_histogram, pictures, (12, 4, 4), "hsv")
    words = VisualWords(24, dictionary="random", n_patches=500, precision="float32", random_state=0, n_threads=1)
    words.fit(pictures)
    found["visual words uint8 1x32x32x3"] = lambda: words.transform(pictures[:1])
    return found


def run_children() -> None:
    """Under callgrind: a process for each call and number of calls; tells which process was what."""
    for name, call in calls().items():
        for _ in range(WARM):
            call()
        for n in (FIRST, FIRST + COUNTED):
            child = os.fork()
            if child == 0:
                for _ in range(n):
                    call()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if status != 0:
                raise RuntimeError(f"{name}: a child ended with status {status}")
            print(json.dumps([name, n, child]), flush=True)


def count() -> dict[str, int]:
    """Instructions of one call, by name.

    Raises
    ------
    RuntimeError
        Where there is no valgrind, or where it fails.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise RuntimeError("there is no valgrind on PATH (Debian: apt-get install valgrind)")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                valgrind, "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/%p", sys.executable, __file__,
                "--children",
            ],
            env=os.environ | {"FASTLIN_SIMD": LEVEL, "PYTHONHASHSEED": "0"}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"valgrind ended with {done.returncode}:\n{done.stderr}")
        total: dict[str, dict[int, int]] = {}
        for line in done.stdout.splitlines():
            name, n, process = json.loads(line)
            found = re.search(r"^totals: (\d+)$", Path(folder, str(process)).read_text(), re.M)
            assert found is not None, f"callgrind left no total for {name}"
            total.setdefault(name, {})[n] = int(found[1])
    return {name: (counts[FIRST + COUNTED] - counts[FIRST]) // COUNTED for name, counts in total.items()}


def built_with() -> dict[str, str]:
    """What the counts are of."""
    return {
        "compiler": config.info()["compiler"],
        "python": ".".join(platform.python_version_tuple()[:2]),
        "flags": " ".join(flags()),
    }


def flags() -> list[str]:
    """The compiler's flags of the level, as setup.py says them."""
    named = {
        target.id: node.value
        for node in ast.parse(SETUP.read_text()).body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    return ast.literal_eval(named["KERNEL_FLAGS"]) + ast.literal_eval(named["AVX2_FLAGS"])


def not_comparable(kept: dict[str, str], here: dict[str, str]) -> str | None:
    """Why counts of these two builds say nothing about each other; None where they do."""
    for key, name in (("compiler", ""), ("python", "Python ")):
        if kept[key] != here[key]:
            return f"counts are for {name}{kept[key]}; this is {name}{here[key]}: not compared"
    return None


def compare(kept: dict[str, int], found: dict[str, int]) -> tuple[list[str], list[str]]:
    """A line for each call, and a complaint for each that costs more than it may, or that only one side has."""
    lines, complaints = [], []
    for name, n in found.items():
        if name not in kept:
            lines.append(f"{n:>12,}           {name}")
            complaints.append(f"{name} is not in {FILE.name}")
            continue
        percent = 100 * (n / kept[name] - 1)
        lines.append(f"{n:>12,}  {percent:+6.2f} %  {name}")
        if n > (1 + TOLERANCE) * kept[name]:
            complaints.append(f"{name} takes {n:,} instructions, {percent:.1f} % more than {kept[name]:,}")
    complaints += [f"{name} is in {FILE.name} and is counted no more" for name in kept if name not in found]
    return lines, complaints


def main(arguments: list[str] | None = None) -> int:
    """Count, print, and do as the arguments say."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog=f"Of the level {LEVEL} alone, on one thread, as valgrind knows no AVX-512: what a change does to the "
        "other levels it does not tell. Takes a minute and a half.",
    )
    parser.add_argument(
        "--check", action="store_true",
        help=f"exit with 1 where a count is {100 * TOLERANCE:g} %% above that in {FILE.name}",
    )  # fmt: skip
    parser.add_argument("--update", action="store_true", help=f"write the counts to {FILE.name}")
    parser.add_argument("--children", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.children:
        run_children()
        return 0
    if LEVEL not in config.info()["simd"]["available"]:
        print(f"the level {LEVEL} is not built, or not of this CPU: not compared")
        return 0
    here = built_with()
    kept = json.loads(FILE.read_text()) if FILE.exists() else {"built_with": here, "instructions": {}}
    why_not = not_comparable(kept["built_with"], here)
    if options.check and why_not is not None:
        print(why_not)
        return 0
    found = count()
    lines, complaints = compare({} if why_not else kept["instructions"], found)
    print(*([why_not] if why_not else []), *lines, sep="\n")
    if options.update:
        FILE.write_text(json.dumps({"built_with": here, "instructions": found}, indent=1) + "\n")
        return 0
    if complaints and why_not is None:
        print(*complaints, sep="\n")
        if kept["built_with"]["flags"] != here["flags"]:
            print(f"flags then: {kept['built_with']['flags']}\nflags now:  {here['flags']}")
        print("to accept: python bench/instructions.py --update, and say why in the commit")
    return int(options.check and bool(complaints))


if __name__ == "__main__":
    fix_threads(1)
    sys.exit(main())
