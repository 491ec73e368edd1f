"""Mean and variance of each feature in one pass over rows of any storage type.

A thread owns a slice of features and walks all rows, block by block in their order: nothing to merge between threads.
"""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport int64_t

from fastlin._core.rows cimport Memory, Rows, cuts_of, drop_weightless, load_features, point_at, read_rows
from fastlin._core.rows cimport total_weight

cnp.import_array()

# Rows of a block are read twice, for the mean and for the deviations, so they should stay in the first-level cache; of
# bytes the kernel takes no more than 258.
cdef enum:
    BLOCK = 64
cdef enum:
    SLICE = 256


cdef struct Moments:
    Rows rows
    const int64_t *picked
    ptrdiff_t n
    const double *weight
    char *memory
    size_t thread_bytes
    double *mean_d
    double *m2_d


cdef void _run_slice(const Moments *run, ptrdiff_t k, int thread) noexcept nogil:
    cdef const void **x_n = <const void **>(run.memory + <size_t>thread * run.thread_bytes)
    cdef double *weight_n = <double *>(<char *>x_n + BLOCK * 8)
    cdef char *tile = <char *>weight_n + BLOCK * 8
    cdef ptrdiff_t d0 = k * SLICE, d1 = min(run.rows.n_features, d0 + SLICE), first, r, n
    cdef double seen = 0.0
    first = 0
    while first < run.n:
        n = min(BLOCK, run.n - first)
        point_at(&run.rows, run.picked, first, n, x_n)
        load_features(&run.rows, n, d0, d1, x_n, tile)
        if run.weight != NULL:
            for r in range(n):
                weight_n[r] = run.weight[run.picked[first + r]]
        run.rows.kernels.moments(n, x_n, NULL if run.weight == NULL else weight_n, seen, 0, d1 - d0,
                                 run.mean_d + d0, run.m2_d + d0)
        seen += total_weight(run.picked, first, n, run.weight)
        first += n


def moments(
    cnp.ndarray X not None, cnp.ndarray weight, cnp.ndarray mean not None, cnp.ndarray variance not None, int n_threads
):
    """Write the weighted mean and variance of each feature; both arrays come as zeros."""
    cdef Moments run
    cdef Memory memory = Memory()
    cdef ptrdiff_t k, n_slices
    cdef int64_t *kept
    cdef double total
    read_rows(X, &run.rows)
    run.n, run.picked, run.weight = run.rows.n_rows, NULL, NULL
    if weight is not None:
        run.weight = <const double *>cnp.PyArray_DATA(weight)
        kept = <int64_t *>memory.take(<size_t>run.n * sizeof(int64_t))
        run.n = drop_weightless(NULL, run.n, run.weight, kept)
        run.picked = kept
    run.mean_d, run.m2_d = <double *>cnp.PyArray_DATA(mean), <double *>cnp.PyArray_DATA(variance)
    n_slices = cuts_of(run.rows.n_features, SLICE)
    run.thread_bytes = <size_t>(BLOCK * (16 + SLICE * 8))
    run.memory = memory.take(<size_t>n_threads * run.thread_bytes)
    with nogil:
        if n_threads == 1:
            for k in range(n_slices):
                _run_slice(&run, k, 0)
        else:
            with parallel(num_threads=n_threads):
                for k in prange(n_slices, schedule="dynamic"):
                    _run_slice(&run, k, threadid())
        total = total_weight(run.picked, 0, run.n, run.weight)
        if total > 0.0:
            for k in range(run.rows.n_features):
                run.m2_d[k] /= total
