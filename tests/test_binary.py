"""What the compiler made: wide instructions only where a level's name says so, and nothing exported but the modules."""

from __future__ import annotations

import functools
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastlin
from fastlin import config

MODULES = sorted((Path(fastlin.__file__).resolve().parent / "_core").glob("*.so"))
KERNELS = next((path for path in MODULES if path.name.startswith("kernels.")), None)

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="reads x86-64 ELF files"),
    pytest.mark.skipif(shutil.which("objdump") is None or shutil.which("nm") is None, reason="no binutils"),
]
each_module = pytest.mark.parametrize("module", MODULES, ids=[path.name.partition(".")[0] for path in MODULES])

# Opcodes with a VEX or EVEX prefix: those of AVX and later begin with v or, on mask registers, with k; and BMI's.
WIDE_REGISTER = re.compile(r"%[yz]mm\d|%k[0-7]\b|%xmm(1[6-9]|2\d|3[01])\b")
VEX = re.compile(
    r"v(?!err|erw|mcall|mlaunch|mresume|mx|mread|mwrite|mptr|mclear|mfunc|msave|mload|mrun|mmcall)[a-z]|k[a-z]+[bwdq]$"
    r"|(andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)[lq]?$"
)
# Later than SSE2 but older than AVX: not in the x86-64 baseline either.
AFTER_SSE2 = re.compile(
    r"(popcnt|lzcnt|tzcnt|crc32|movbe)[bwlq]?$|(addsub|hadd|hsub)p[sd]$|lddqu$|mov(ddup|shdup|sldup)$"
    r"|p(abs|sign)[bwd]$|palignr$|ph(add|sub)s?[wd]$|pmaddubsw$|pmulhrsw$|pshufb$|blendv?p[sd]$|pblend(vb|w)$|dpp[sd]$"
    r"|extractps$|insertps$|p(extr|insr)[bdq]$|pm(ax|in)(sb|sd|ud|uw)$|pmov[sz]x..$|pmul(dq|ld)$|ptest$|round[ps][sd]$"
    r"|pcmp(eq|gt)q$|packusdw$|movntdqa$|mpsadbw$|phminposuw$|pcmp[ei]str[im]$|aes\w+$|pclmul\w+$"
)


@functools.cache
def instructions(module: Path) -> dict[str, list[tuple[str, str]]]:
    """(mnemonic, whole instruction) by the function it is in."""
    text = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", str(module)], capture_output=True, text=True, check=True
    ).stdout
    functions: dict[str, list[tuple[str, str]]] = {}
    here: list[tuple[str, str]] = []
    for line in text.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            here = functions.setdefault(start[1], [])
        elif found := re.match(r"\s+[0-9a-f]+:\s+(\S.*)", line):
            words = found[1].split()
            while (
                words[0] in ("rep", "repz", "repnz", "lock", "bnd", "notrack", "data16", "cs", "ds") and len(words) > 1
            ):
                words = words[1:]
            here.append((words[0], found[1]))
    return functions


def level_of(function: str) -> str:
    """The level a function's name says it is of, whatever parts the compiler cut it into (name.part.0, name.cold)."""
    found = re.search(r"_(avx2|avx512)$", function.partition(".")[0])
    return found[1] if found else "baseline"


def need_symbols(module: Path) -> None:
    """Skip where the names of local functions were stripped: then nothing could be told from this test."""
    table = subprocess.run(["objdump", "--syms", str(module)], capture_output=True, text=True, check=True).stdout
    if not re.search(r"\bl\s+F\s+\.text", table):
        pytest.skip(f"{module.name} is stripped of its local symbols")


def test_there_are_modules_to_look_at() -> None:
    assert KERNELS is not None
    assert len(MODULES) >= 4


@each_module
def test_wide_instructions_are_only_in_functions_of_their_level(module: Path) -> None:
    need_symbols(module)
    wrong = []
    for function, body in instructions(module).items():
        level = level_of(function)
        for mnemonic, whole in body:
            wide = WIDE_REGISTER.search(whole) or VEX.match(mnemonic) or AFTER_SSE2.match(mnemonic)
            if level == "baseline" and wide:
                wrong.append(f"{function}: {whole}")
            if level == "avx2" and re.search(r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b", whole):
                wrong.append(f"{function}: {whole}")
    assert not wrong, f"{len(wrong)}, for example {wrong[:5]}"


def test_the_levels_do_use_their_instructions() -> None:
    # So that the test above sees what it looks for.
    assert KERNELS is not None
    need_symbols(KERNELS)
    built = config.info()["simd"]["built"]
    for level, register in (("avx2", "%ymm"), ("avx512", "%zmm")):
        functions = [name for name in instructions(KERNELS) if level_of(name) == level]
        assert bool(functions) == (level in built)
        if level not in built:
            continue
        for kernel in ("scores", "gradient", "update"):
            of_kernel = [name for name in functions if kernel in name]
            assert of_kernel
            assert any(register in whole for name in of_kernel for _, whole in instructions(KERNELS)[name]), kernel
            assert any(
                mnemonic.startswith("vfmadd") for name in functions for mnemonic, _ in instructions(KERNELS)[name]
            )


def test_other_modules_have_no_kernels_of_their_own() -> None:
    for module in MODULES:
        if module != KERNELS:
            assert not any(level_of(name) != "baseline" for name in instructions(module)), module.name


@each_module
def test_nothing_is_exported_but_the_module(module: Path) -> None:
    table = subprocess.run(
        ["nm", "--dynamic", "--defined-only", str(module)], capture_output=True, text=True, check=True
    ).stdout
    exported = [line.split()[-1] for line in table.splitlines()]
    assert exported == [f"PyInit_{module.name.partition('.')[0]}"]


def test_the_kernels_keep_no_state() -> None:
    # The one thing that is written is the pointer to the table in use, which is Cython's.
    assert KERNELS is not None
    need_symbols(KERNELS)
    table = subprocess.run(["objdump", "--syms", str(KERNELS)], capture_output=True, text=True, check=True).stdout
    for line in table.splitlines():
        found = re.search(r"\s(\.\S+)\s+[0-9a-f]+\s+(?:\.hidden\s+)?(fl_\S+)$", line)
        if found:
            assert found[1] in (".text", ".rodata", ".data.rel.ro", ".text.unlikely"), line


@each_module
def test_no_start_up_code_changes_the_floating_point_mode(module: Path) -> None:
    # crtfastmath.o, which -ffast-math links in, has a constructor that sets flush-to-zero.
    assert "set_fast_math" not in instructions(module)
    assert not any(
        mnemonic in ("ldmxcsr", "vldmxcsr") for body in instructions(module).values() for mnemonic, _ in body
    )


@each_module
def test_only_the_c_library_and_openmp_are_linked(module: Path) -> None:
    header = subprocess.run(
        ["objdump", "--private-headers", str(module)], capture_output=True, text=True, check=True
    ).stdout
    needed = re.findall(r"NEEDED\s+(\S+)", header)
    allowed = r"(libc|libm|libgcc_s|libpthread|libdl|ld-linux-x86-64|libgomp\S*|libomp\S*|libiomp\S*)\.so(\.\d+)*"
    assert all(re.fullmatch(allowed, name) for name in needed), needed
