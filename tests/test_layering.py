"""The rules of the house: who may import and mention what, and how long a file may be.

(A) A module imports only from layers below its own, and from beside it inside a package.
(B) Only what decides or checks stands between users and the compiled loops: nothing else imports fastlin._core.
(C) At the top of a module stand the standard library, NumPy and fastlin; everything else is imported where it is used.
(D) The C kernels know nothing of Python, memory allocation or threads; the modules above them only of arrays.
(E) No flag or call changes how the rest of the process computes.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastlin

PACKAGE = Path(fastlin.__file__).resolve().parent
CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = CHECKOUT / "src_c"

# From the bottom up. A package is one layer. A new module must be given its place here.
LAYERS = [
    {"_core", "_warnings"},
    {
        "_arrays", "_columns", "_results", "_files", "_labels", "_npz", "_params", "_random", "_safetensors",
        "_sklearn", "_terminal", "_version",
    },
    {"_naive"},
    {"_threads", "penalty", "reference"},
    {"functional", "config"},
    {"datasets", "features"},
    {"training"},
    {"model_file", "path"},
    {"linear_model"},
    {"pipeline", "benchmark"},
    {"diagnostics", "cs231n", "formats"},
    {"plotting"},
    {"cli"},
    {"__main__"},
]  # fmt: skip
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MODELS = {"training", "model_file", "linear_model", "pipeline", "diagnostics", "plotting", "cs231n", "formats", "cli"}
# The benchmark calls what only it needs: the kernels that measure the machine.
MAY_IMPORT_CORE = {"_core", "_threads", "functional", "config", "datasets", "features", "benchmark", "__init__"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
CYTHON = sorted(path for pattern in ("*.pyx", "*.pxd") for path in (CHECKOUT / "fastlin").rglob(pattern))
C_FILES = sorted(path for pattern in ("*.c", "*.h") for path in SOURCES.rglob(pattern))

in_checkout = pytest.mark.skipif(not SOURCES.is_dir(), reason="the sources are not beside the tests")


def layer_of(path: Path) -> str:
    """The top-level name inside fastlin that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return ".".join(["fastlin", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """(module, whether at the top of the file, line) of each import; of `from fastlin import x`, fastlin.x."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }  # fmt: skip
    inside = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }  # fmt: skip
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(tree):
        at_top = id(node) not in inside and id(node) not in for_types
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_top, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "fastlin":
                for alias in node.names:
                    yield f"fastlin.{alias.name}", at_top, node.lineno
            else:
                yield module, at_top, node.lineno


def without_comments(source: str) -> str:
    """C source without comments and without the words of its strings."""
    source = re.sub(r"/\*.*?\*/", " ", source, flags=re.S)
    return re.sub(r"//[^\n]*", " ", source)


def code_of(path: Path) -> str:
    """Source without comments: of Python by its tokens (and without docstrings), of the rest by its comment sign."""
    text = path.read_text()
    if path.suffix in (".c", ".h"):
        return without_comments(text)
    if path.suffix == ".py":
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        documentation = {
            node.body[0].lineno for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None
        }  # fmt: skip
        return " ".join(t.string for t in tokens if t.type != tokenize.COMMENT and t.start[0] not in documentation)
    # A compiler directive in a comment of Cython is no comment.
    return re.sub(r"#(?!\s*(distutils|cython)\s*:)[^\n]*", " ", re.sub(r'"""(?s:.*?)"""', " ", text))


def relative(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(path.parents[1])) for path in paths]


# (A), (B), (C)


@pytest.mark.parametrize("path", MODULES, ids=relative(MODULES))
def test_imports_go_only_downwards(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__init__":
        return  # what it offers it imports on first use; see test_import.py
    assert layer in RANK, f"{layer} is in no layer; give it its place in LAYERS"
    for module, _, line in imports(path):
        if not module.startswith("fastlin."):
            assert module != "fastlin", f"{path.name}:{line} imports fastlin as a whole"
            continue
        other = module.split(".")[1]
        assert other in RANK, f"{path.name}:{line} imports {module}, which is in no layer"
        assert RANK[other] < RANK[layer] or other == layer, f"{path.name}:{line}: {layer} may not import {module}"


@pytest.mark.parametrize("path", MODULES, ids=relative(MODULES))
def test_only_what_checks_and_decides_imports_the_core(path: Path) -> None:
    for module, _, line in imports(path):
        if module.startswith("fastlin._core"):
            assert layer_of(path) in MAY_IMPORT_CORE, f"{path.name}:{line} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=relative(MODULES))
def test_at_the_top_only_numpy_is_foreign(path: Path) -> None:
    for module, at_top, line in imports(path):
        root = module.partition(".")[0]
        if at_top:
            assert root in {"numpy", "fastlin"} or root in sys.stdlib_module_names, (
                f"{path.name}:{line} imports {module}"
            )
        # An extra: training/_extras.py brings it in, or names the pip line.
        assert root != "scipy", f"{path.name}:{line} imports {module}"


def test_the_twin_imports_nothing_compiled() -> None:
    foreign = {"numpy", "numpy.typing", "__future__", "typing", "collections.abc"}
    allowed = {"fastlin._arrays", "fastlin._results", *foreign}
    assert {module for module, _, _ in imports(PACKAGE / "reference.py")} <= allowed | {"fastlin._naive"}
    assert {module for module, _, _ in imports(PACKAGE / "_naive.py")} <= allowed
    for helper in ("_arrays.py", "_results.py"):
        assert not any(module.startswith("fastlin") for module, _, _ in imports(PACKAGE / helper))


def test_data_and_features_know_nothing_of_models() -> None:
    for path in MODULES:
        if layer_of(path) in ("datasets", "features"):
            for module, _, line in imports(path):
                assert module.split(".")[1:2] not in [[name] for name in MODELS], f"{path.name}:{line} imports {module}"


def test_one_place_each_decides_of_arrays_and_threads() -> None:
    for path in MODULES:
        code = code_of(path)
        if layer_of(path) != "_threads":
            for word in ("FASTLIN_NUM_THREADS", "OMP_NUM_THREADS", "sched_getaffinity", "cpu_count"):
                assert word not in code, f"{path.name} mentions {word}"
        if layer_of(path) in ("functional", "_threads", "config"):
            # The compiled functions check and allocate; what is computed is computed in the core.
            for node in ast.walk(ast.parse(path.read_text())):
                calculates = isinstance(node, ast.MatMult) or getattr(node, "attr", "") in (
                    "matmul",
                    "dot",
                    "einsum",
                    "exp",
                    "log",
                )
                assert not calculates, f"{path.name}: {ast.unparse(node)}"


@in_checkout
@pytest.mark.parametrize("path", CYTHON, ids=relative(CYTHON))
def test_the_core_imports_numpy_c_and_itself(path: Path) -> None:
    allowed = r"(numpy|cython|cython\.\w+|libc\.\w+|cpython(\.\w+)?|fastlin\._core(\.\w+)?|os)"
    for line in code_of(path).splitlines():
        found = re.match(r"\s*(?:from\s+([\w.]+)\s+c?import\s|c?import\s+([\w.]+))", line)
        if found:
            module = found[1] or found[2]
            assert re.fullmatch(allowed, module), f"{path.name}: {line.strip()}"
            assert module != "os" or path.stem == "kernels", f"{path.name}: only the kernel table reads the environment"


# Lengths


@pytest.mark.parametrize("path", MODULES, ids=relative(MODULES))
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 500, path.name


@in_checkout
@pytest.mark.parametrize("path", [*CYTHON, *C_FILES], ids=relative([*CYTHON, *C_FILES]))
def test_no_compiled_source_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400, path.name


@in_checkout
def test_no_test_and_no_build_file_is_long() -> None:
    for path in [*(CHECKOUT / "tests").rglob("*.py"), *(CHECKOUT / "bench").rglob("*.py")]:
        assert len(path.read_text().splitlines()) < 700, path.name
    assert len((CHECKOUT / "setup.py").read_text().splitlines()) <= 250


# (D)


@in_checkout
@pytest.mark.parametrize("path", C_FILES, ids=relative(C_FILES))
def test_kernels_know_nothing_of_python_memory_or_threads(path: Path) -> None:
    code = without_comments(path.read_text())
    for header in re.findall(r'#\s*include\s+[<"]([^>"]+)[>"]', code):
        assert not re.search(r"Python|numpy|omp|pthread|stdlib|malloc|thread", header), f"{path.name} includes {header}"
    for name in (
        "malloc",
        "calloc",
        "realloc",
        "free",
        "aligned_alloc",
        "posix_memalign",
        "alloca",
        "getenv",
        "printf",
    ):
        assert not re.search(rf"\b{name}\s*\(", code), f"{path.name} calls {name}"
    assert not re.search(r"#\s*pragma\s+omp|\b_?omp_\w+|\bPy[A-Z_]\w*", code), path.name


@in_checkout
def test_each_level_is_a_short_file_over_the_same_template() -> None:
    levels = sorted(SOURCES.glob("fl_level_*.c"))
    assert [path.stem.removeprefix("fl_level_") for path in levels] == ["avx2", "avx512", "baseline"]
    for path in levels:
        assert len(path.read_text().splitlines()) < 40
    # A template is instantiated by the levels only, and by what stands beside the widest one.
    levels += [SOURCES / "fl_words_amx.c", SOURCES / "fl_words_bf16.c"]
    templates = {path.name for path in SOURCES.glob("*.inc.h")}
    for path in C_FILES:
        included = set(re.findall(r'#\s*include\s+"([^"]+)"', without_comments(path.read_text())))
        if included & templates:
            assert path in levels or path.name in templates, f"{path.name} includes {included & templates}"


# (E)


@in_checkout
def test_nothing_changes_how_the_rest_of_the_process_computes() -> None:
    build_files = [CHECKOUT / "setup.py", CHECKOUT / "pyproject.toml", *(CHECKOUT / ".ci").rglob("*")]
    files = [path for path in [*build_files, *MODULES, *CYTHON, *C_FILES, *PACKAGE.rglob("*.h")] if path.is_file()]
    assert len(files) > 20
    forbidden = (
        r"ffast-math|fast-math|Ofast|funsafe-math|fassociative-math|march=native|mtune=native|mcpu=native"
        r"|omp_set_(num_threads|dynamic|nested|max_active_levels|schedule)|_MM_SET_FLUSH|_mm_setcsr|fesetround"
    )
    for path in files:
        found = re.search(forbidden, code_of(path))
        assert not found, f"{path.name}: {found and found[0]}"


def test_no_module_changes_the_environment() -> None:
    for path in MODULES:
        code = code_of(path)
        assert not re.search(r"environ \[ [^\]]* \] =[^=]|putenv|environ \. (update|setdefault|pop)|seterr \(", code), (
            path.name
        )


@in_checkout
def test_threads_are_started_only_with_a_stated_number() -> None:
    for path in CYTHON:
        code = code_of(path)
        for call in re.findall(r"\bparallel\(([^)]*)\)", code):
            assert "num_threads=" in call, f"{path.name}: parallel({call})"
        # A prange that stands alone opens a team of its own: in a parallel block it must not say how many.
        for call in re.findall(r"\bprange\((.*)\):", code):
            assert "num_threads" not in call or "with parallel" not in code, f"{path.name}: prange({call})"
        assert "with gil" not in code, path.name
