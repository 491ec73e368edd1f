"""An epoch's rows, cut into batches."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastlin._core.rows cimport Memory


cdef struct Batches:
    ptrdiff_t n
    const int64_t *picked       # row numbers of all batches, one after the other
    const int64_t *first        # where each begins in `picked`, and the end
    const double *total         # weight of each, above 0; 0 after the last
    const double *rates
    const int64_t *number       # place of each among all, those left empty counted


cdef int cut_batches(
    Batches *batches, Memory memory, cnp.ndarray order, ptrdiff_t n_rows, const double *weight, ptrdiff_t batch_size,
    const double *rates,
) except -1
