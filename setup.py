"""Build of the extension modules. Metadata is in pyproject.toml.

In order: the tables (instruction-set levels, sources), the probes (what this compiler can do), `BuildExt`, `setup`.

FASTLIN_BUILD_LEVELS=baseline,avx2   build just these levels (cross builds, distributions); default: all that compile
FASTLIN_BUILD_OPENMP=0               build without OpenMP; default: with it where the compiler has it
FASTLIN_BUILD_WERROR=1               the compiler's warnings about src_c are errors (continuous integration)
"""

import os
import platform
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("src_c")
X86_64 = platform.machine().lower() in ("x86_64", "amd64")

# Levels: each is one C file compiled with its own flags. `cpu.h` tests exactly the bits these flags license.
AVX2_FLAGS = ["-mavx2", "-mfma", "-mf16c"]
LEVELS = {
    "baseline": [],
    "avx2": AVX2_FLAGS,
    "avx512": [*AVX2_FLAGS, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
}
# Kernels of a few more instructions beside the widest level: files that are empty where the compiler lacks the flags.
BESIDE_AVX512 = {
    "fl_words_bf16.c": ["-mavx512bf16"],
    "fl_words_amx.c": ["-mamx-tile", "-mamx-bf16"],
}
# Kernels fuse multiply and add where they say so and nowhere else, so that compilers agree; no link-time optimisation,
# which could carry a level's instructions into another file; no line tables, which double the time to compile.
KERNEL_FLAGS = ["-std=c11", "-O3", "-g0", "-ffp-contract=off", "-fno-math-errno", "-fno-lto", "-Wall", "-Wextra"]
MODULE_FLAGS = ["-O2", "-ffp-contract=off", "-fvisibility=hidden", "-Wno-unreachable-code"]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": False,
}
MODULES = sorted(path.stem for path in Path("fastlin/_core").glob("*.pyx"))
HEADERS = [str(path) for path in sorted([*SOURCE.glob("*.h"), *Path("fastlin/_core").glob("*.h")])]
OPENMP_PROBE = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"


def wanted_levels() -> list[str]:
    text = os.environ.get("FASTLIN_BUILD_LEVELS")
    if text is None:
        return list(LEVELS) if X86_64 else ["baseline"]
    names = [name.strip() for name in text.split(",")]
    if "baseline" not in names or not set(names) <= set(LEVELS):
        raise SystemExit(f"FASTLIN_BUILD_LEVELS={text!r}; wanted is baseline, and any of {', '.join(LEVELS)}")
    return names


class BuildExt(build_ext):
    """Compiles the kernels once a level, each with its flags, and links them into the module that owns the table."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.parallel = os.cpu_count()

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "msvc":
            raise SystemExit("fastlin needs GCC or Clang; on Windows build with MinGW-w64 or clang in GNU mode")
        openmp = self.openmp_flags()
        for extension in self.extensions:
            extension.extra_compile_args += [*MODULE_FLAGS, *openmp]
            extension.extra_link_args += openmp
            if extension.name == "fastlin._core.kernels":
                extension.extra_objects += self.kernel_objects()
        super().build_extensions()

    def kernel_objects(self) -> list[str]:
        strict = ["-Werror"] if os.environ.get("FASTLIN_BUILD_WERROR") == "1" else []
        flags = [*KERNEL_FLAGS, "-fvisibility=hidden", *strict]
        jobs = [("common", "fl_cpu.c", []), ("common", "fl_convert.c", [])]
        for level, level_flags in LEVELS.items():
            wanted = level in wanted_levels()
            if wanted and not self.compiles("int main(void) { return 0; }\n", level_flags):
                print(f"fastlin: this compiler lacks {' '.join(level_flags)}: built without the level {level}")
                wanted = False
            # A level's file compiled without its flags is an empty table that says so.
            jobs.append((level, f"fl_level_{level}.c", level_flags if wanted else []))
        for name, more in BESIDE_AVX512.items():
            all_flags = [*LEVELS["avx512"], *more]
            wanted = "avx512" in wanted_levels() and self.compiles("int main(void) { return 0; }\n", all_flags)
            jobs.append(("avx512", name, all_flags if wanted else []))

        def compiled(job: tuple[str, str, list[str]]) -> list[str]:
            folder, name, extra = job
            return self.compiler.compile(
                [str(SOURCE / name)],
                output_dir=str(Path(self.build_temp) / folder), extra_postargs=[*flags, *extra], depends=HEADERS,
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return [path for paths in pool.map(compiled, jobs) for path in paths]

    def openmp_flags(self) -> list[str]:
        if os.environ.get("FASTLIN_BUILD_OPENMP") == "0":
            print("fastlin: built without OpenMP, as FASTLIN_BUILD_OPENMP=0 asks: one thread")
            return []
        if self.compiles(OPENMP_PROBE, ["-fopenmp"], link=True):
            return ["-fopenmp"]
        print("fastlin: no OpenMP in this compiler, so one thread (Debian: gcc, or clang and libomp-dev)")
        return []

    def compiles(self, program: str, flags: list[str], link: bool = False) -> bool:
        """Whether the compiler takes `program` with `flags`. It is compiled, never run: the target may be elsewhere."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(program)
            command = [*self.compiler.compiler_so, str(source), *flags, "-o", str(Path(folder) / "probe")]
            command += [] if link else ["-c"]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0


extensions = [
    Extension(
        f"fastlin._core.{name}",
        [f"fastlin/_core/{name}.pyx"],
        include_dirs=[numpy.get_include(), str(SOURCE), "fastlin/_core"],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        depends=HEADERS,
    )
    for name in MODULES
]

if __name__ == "__main__":
    setup(
        ext_modules=cythonize(extensions, compiler_directives=DIRECTIVES, build_dir="build/cython"),
        cmdclass={"build_ext": BuildExt},
    )
