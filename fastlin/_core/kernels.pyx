"""Owns the kernel table: which levels were built, which this CPU can run, which one is in use.

The level is chosen once, at import. `use` changes it afterwards, for tests and benchmarks; it is not safe while another
thread is inside a kernel.
"""

import os

from fastlin._core.kernels cimport fl_kernels, fl_kernels_avx2, fl_kernels_avx512, fl_kernels_baseline, fl_real
from fastlin._core.kernels cimport fl_word_products, fl_words_amx, fl_words_bf16


cdef extern from "fl_kernels.h" nogil:
    void fl_convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                    ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out)
    const char *FL_COMPILER


cdef extern from "fl_cpu.h" nogil:
    ctypedef struct fl_cpuid:
        unsigned leaf1_ecx, leaf7_ebx, xcr0, leaf7_edx, leaf7_1_eax
        int amd
    fl_cpuid fl_cpu_read()
    int fl_avx2_licensed(fl_cpuid cpu)
    int fl_avx512_licensed(fl_cpuid cpu)
    int fl_bf16_licensed(fl_cpuid cpu)
    int fl_amx_licensed(fl_cpuid cpu)
    int fl_amx_permitted()


cdef const fl_kernels *_in_use = NULL


cdef const fl_kernels *kernels() noexcept nogil:
    return _in_use


cdef void convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                  ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out) noexcept nogil:
    fl_convert(code, swapped, n, x_n, col_stride, d0, d1, real, out_nd, ld_out)


cdef const fl_kernels *_table(str level) noexcept:
    if level == "avx512":
        return &fl_kernels_avx512
    return &fl_kernels_avx2 if level == "avx2" else &fl_kernels_baseline


LEVELS = ("baseline", "avx2", "avx512")


def levels_of(unsigned leaf1_ecx, unsigned leaf7_ebx, unsigned xcr0):
    """The levels a CPU with these bits of CPUID and XCR0 can run."""
    cdef fl_cpuid cpu = fl_cpuid(leaf1_ecx, leaf7_ebx, xcr0, 0, 0, 0)
    runs = (True, bool(fl_avx2_licensed(cpu)), bool(fl_avx512_licensed(cpu)))
    return tuple(level for level, yes in zip(LEVELS, runs, strict=True) if yes)


def built():
    """The levels the compiler had the flags for."""
    return tuple(level for level in LEVELS if _table(level).built)


def available():
    """The built levels this CPU and operating system can run, the widest last."""
    cdef fl_cpuid cpu = fl_cpu_read()
    runs = levels_of(cpu.leaf1_ecx, cpu.leaf7_ebx, cpu.xcr0)
    return tuple(level for level in built() if level in runs)


def products_of(unsigned leaf1_ecx, unsigned leaf7_ebx, unsigned xcr0, unsigned leaf7_edx, unsigned leaf7_1_eax):
    """The arithmetics in which a CPU with these bits can multiply patches with words."""
    cdef fl_cpuid cpu = fl_cpuid(leaf1_ecx, leaf7_ebx, xcr0, leaf7_edx, leaf7_1_eax, 0)
    runs = (True, bool(fl_bf16_licensed(cpu)), bool(fl_amx_licensed(cpu)))
    return tuple(name for name, yes in zip(PRODUCTS, runs, strict=True) if yes)


PRODUCTS = ("float32", "avx512_bf16", "amx_bf16")


def products():
    """The arithmetics that can run beside the level in use, the fastest last.

    Asks the system for the tiles of AMX, which it gives to a process once it has asked.
    """
    cdef fl_cpuid cpu = fl_cpu_read()
    names = ["float32"]
    if _in_use == &fl_kernels_avx512:
        if fl_words_bf16.built and fl_bf16_licensed(cpu):
            # Where it is slower than floats it goes before them.
            names.insert(1 if cpu.amd else 0, "avx512_bf16")
        if fl_words_amx.built and fl_amx_licensed(cpu) and fl_amx_permitted():
            names.append("amx_bf16")
    return tuple(names)


cdef const fl_word_products *word_products(str name) except NULL:
    if name not in products():
        raise ValueError(f"{name!r} is no arithmetic here; there are {', '.join(products())}")
    if name == "float32":
        return &_in_use.words
    return &fl_words_amx if name == "amx_bf16" else &fl_words_bf16


def compiler():
    """The compiler that built the library."""
    return FL_COMPILER.decode()


def in_use():
    """The level whose kernels run."""
    return _in_use.name.decode()


def use(level):
    """Run the kernels of `level` from now on."""
    global _in_use
    if level not in available():
        raise ValueError(
            f"{level!r} is no SIMD level here; built are {', '.join(built())}, "
            f"this CPU can run {', '.join(available())}"
        )
    _in_use = _table(level)


def _choose():
    wanted = os.environ.get("FASTLIN_SIMD")
    if wanted is None:
        *_, widest = available()
        use(widest)
        return
    try:
        use(wanted)
    except ValueError as error:
        raise ImportError(f"FASTLIN_SIMD={error}") from None


_choose()
