"""Owns the kernel table: which levels were built, which this CPU can run, which one is in use.

The level is chosen once, at import. `use` changes it afterwards, for tests and benchmarks; it is not safe while another
thread is inside a kernel.
"""

import os

from fastlin._core.kernels cimport fl_kernels, fl_kernels_avx2, fl_kernels_avx512, fl_kernels_baseline, fl_real


cdef extern from "fl_kernels.h" nogil:
    void fl_convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                    ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out)
    const char *FL_COMPILER


cdef extern from "fl_cpu.h" nogil:
    ctypedef struct fl_cpuid:
        unsigned leaf1_ecx, leaf7_ebx, xcr0
    fl_cpuid fl_cpu_read()
    int fl_avx2_licensed(fl_cpuid cpu)
    int fl_avx512_licensed(fl_cpuid cpu)


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
    cdef fl_cpuid cpu = fl_cpuid(leaf1_ecx, leaf7_ebx, xcr0)
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
