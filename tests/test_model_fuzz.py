"""Thousands of mutations of a model file of each container: refused by name or a model that works, and nothing else.

In a child of little memory and time, so that a crash, a hang or a memory bomb ends the child and fails the test; an
audit hook ends it at the first sign of anything being run.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fastlin import SoftmaxClassifier

# Of a file; there are two of each container, of which one holds the statistics of its features too. Where there is time
# as much as in CI, that makes ten thousand of each container.
N_MUTATIONS = 5_000 if os.environ.get("CI") or os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1_000

CHILD = """
    import os, random, resource, signal, sys, warnings
    from pathlib import Path
    import numpy as np
    import mutations
    from fastlin import load_model
    from fastlin.model_file import ModelFileError

    path = Path({name!r})
    mutator = mutations.Mutator(path)
    stream = path.open("r+b")  # kept open: a file that is emptied each time is brought to the disk each time
    X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    load_model(path).predict(X)  # all modules are imported now

    def watch(event, arguments):
        # A codec of the standard library may be imported for a name in a ZIP file.
        if event == "import" and arguments[0].partition(".")[0] in sys.stdlib_module_names:
            return
        if event == "exec" and arguments[0].co_filename.startswith((os.path.dirname(os.__file__), "<frozen")):
            return
        if event.startswith(("pickle", "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess", "socket",
                             "ctypes", "exec", "import")):
            os.write(2, f"{{event}} {{arguments}}\\n".encode())
            os._exit(99)

    sys.addaudithook(watch)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + 300 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Duplicate name")  # of the zip that is made here
    refused = loaded = 0
    for seed in range({n}):
        stream.seek(0)
        stream.truncate(stream.write(mutator.mutated(random.Random(seed))))
        stream.flush()
        signal.alarm(5)
        try:
            model = load_model(path)
        except ModelFileError as error:
            assert repr(str(path)) in str(error) and len(str(error)) < 1000, seed
            assert not isinstance(error.__cause__, MemoryError), seed
            refused += 1
        except BaseException as error:
            raise AssertionError(f"seed {{seed}}") from error
        else:
            assert model.predict(X[:, : model.n_features_in_]).shape == (5,) or model.n_features_in_ > 4, seed
            repr(model)
            loaded += 1
        signal.alarm(0)
    print(refused, loaded)
"""


@pytest.mark.parametrize("statistics", [False, True])
@pytest.mark.parametrize("name", ["model.npz", "model.safetensors"])
def test_no_mutation_does_harm(tmp_path: Path, run_python: Callable, name: str, statistics: bool) -> None:
    X = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    labels = np.array(["ant", "bee", "cat"])[np.arange(30) % 3]
    SoftmaxClassifier(random_state=0, max_iter=1, standardize=statistics).fit(X, labels).save(tmp_path / name)
    code = textwrap.dedent(CHILD).format(name=name, n=N_MUTATIONS)
    refused, loaded = map(int, run_python(code, timeout=300).stdout.split())
    # Both happen: most are refused, and some changes make another model, or none that counts.
    assert refused > N_MUTATIONS / 2 and loaded > N_MUTATIONS / 100 and refused + loaded == N_MUTATIONS
