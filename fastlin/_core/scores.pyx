"""Batched scores, the class of the largest one, and probabilities.

Blocks of rows are independent: a thread takes one, scores it in its own memory, and writes it out.
"""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport int64_t

from fastlin._core.kernels cimport fl_fold, fl_real, fl_real_kernels, kernels
from fastlin._core.rows cimport Block, Memory, Rows, Sizes, cuts_of, data_of, look_ahead, open_block, read_rows
from fastlin._core.rows cimport rows_in_cache, score_block, size_block, write_bias

cnp.import_array()

# Scores read a row once, so a block need only be high enough for its weights to pay.
cdef enum:
    BLOCK_BYTES = 256 * 1024


cdef struct Scoring:
    Rows rows
    Sizes sizes
    const void *w_packed
    const void *bias_c
    char *memory
    char *out               # scores, or NULL
    int64_t *classes        # their argmax, or NULL
    int n_threads


cdef void _run_block(const Scoring *run, ptrdiff_t k, int thread) noexcept nogil:
    cdef Block block
    cdef ptrdiff_t first = k * run.sizes.most_rows, n = min(run.sizes.most_rows, run.rows.n_rows - first)
    cdef ptrdiff_t c = run.sizes.n_classes
    # The block this thread is likely to take next.
    cdef ptrdiff_t first_ahead = first + run.n_threads * run.sizes.most_rows
    open_block(&block, &run.rows, &run.sizes, run.memory + <size_t>thread * run.sizes.bytes)
    look_ahead(&block, &run.rows, NULL, first_ahead, run.rows.n_rows, n)
    score_block(&block, &run.rows, &run.sizes, run.w_packed, NULL, first, n, True)
    if run.classes != NULL:
        run.rows.real.argmax(n, c, block.s_nc, run.sizes.padded_classes, run.bias_c, run.classes + first)
    else:
        run.rows.real.add_bias(n, c, block.s_nc, run.sizes.padded_classes, run.bias_c,
                               run.out + <size_t>(first * c) * run.rows.real.size, c)


cdef int _run(cnp.ndarray X, cnp.ndarray W, cnp.ndarray b, char *out, int64_t *classes, int n_threads) except -1:
    cdef Scoring run
    cdef Memory memory = Memory()
    cdef fl_fold unfolded = fl_fold(NULL, NULL)
    cdef ptrdiff_t c = cnp.PyArray_DIM(W, 0), d, k, n_blocks
    cdef char *packed
    cdef char *bias
    read_rows(X, &run.rows)
    if run.rows.n_rows == 0:
        return 0
    d = run.rows.n_features
    run.sizes = size_block(&run.rows, c, c, rows_in_cache(&run.rows, c, BLOCK_BYTES))
    n_blocks = cuts_of(run.rows.n_rows, run.sizes.most_rows)
    run.n_threads = n_threads = <int>min(<ptrdiff_t>n_threads, n_blocks)
    packed = memory.take(<size_t>run.rows.real.packed_size(c, d) * run.rows.real.size)
    bias = memory.take(<size_t>run.sizes.padded_classes * run.rows.real.size)
    run.w_packed, run.bias_c, run.out, run.classes = packed, bias, out, classes
    run.memory = memory.take(<size_t>n_threads * run.sizes.bytes)
    with nogil:
        run.rows.real.pack(c, d, 0, d, cnp.PyArray_DATA(W), NULL, unfolded, packed)
    write_bias(&run.rows, &run.sizes, data_of(b), NULL, bias)
    if n_threads == 1:
        with nogil:
            for k in range(n_blocks):
                _run_block(&run, k, 0)
    else:
        with nogil, parallel(num_threads=n_threads):
            for k in prange(n_blocks, schedule="dynamic"):
                _run_block(&run, k, threadid())
    return 0


def scores(cnp.ndarray X not None, cnp.ndarray W not None, cnp.ndarray b, cnp.ndarray out not None, int n_threads):
    """out (N, C) = X W^T + b."""
    _run(X, W, b, cnp.PyArray_BYTES(out), NULL, n_threads)


def predict(cnp.ndarray X not None, cnp.ndarray W not None, cnp.ndarray b, cnp.ndarray out not None, int n_threads):
    """out (N,) = the class of the largest score; the scores are never held at once."""
    _run(X, W, b, NULL, <int64_t *>cnp.PyArray_DATA(out), n_threads)


def softmax(cnp.ndarray scores not None, cnp.ndarray out not None, int n_threads):
    """out (N, C) = probabilities of scores (N, C)."""
    cdef fl_real real_type = fl_real.FL_REAL32 if scores.descr.type == b"f" else fl_real.FL_REAL64
    cdef const fl_real_kernels *real = &kernels().real[<int>real_type]
    cdef ptrdiff_t n = cnp.PyArray_DIM(scores, 0), c = cnp.PyArray_DIM(scores, 1), k
    cdef ptrdiff_t height = 1 + 16384 // c, n_blocks = cuts_of(n, height)
    cdef size_t row_bytes = <size_t>c * real.size
    cdef const char *source = cnp.PyArray_BYTES(scores)
    cdef char *target = cnp.PyArray_BYTES(out)
    for k in prange(n_blocks, nogil=True, num_threads=n_threads, schedule="static"):
        real.probabilities(min(height, n - k * height), c, source + <size_t>(k * height) * row_bytes,
                           target + <size_t>(k * height) * row_bytes)
