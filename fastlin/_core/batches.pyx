"""An epoch's rows, cut into batches: which rows each holds, what they weigh, at which rate its step is taken."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastlin._core.rows cimport Memory, cuts_of, data_of, drop_weightless, total_weight

cnp.import_array()


cdef int cut_batches(
    Batches *batches, Memory memory, cnp.ndarray order, ptrdiff_t n_rows, const double *weight, ptrdiff_t batch_size,
    const double *rates,
) except -1:
    """Cut `order` (None: all rows as they lie); rows of weight zero, and batches left empty with their rates, go."""
    cdef ptrdiff_t n = n_rows if order is None else cnp.PyArray_DIM(order, 0)
    cdef ptrdiff_t n_batches = cuts_of(n, batch_size), k = 0, at, start, stop, kept, i
    cdef const int64_t *source = <const int64_t *>data_of(order)
    cdef int64_t *picked = <int64_t *>memory.take(<size_t>(n + 4 * (n_batches + 1)) * 8)
    cdef int64_t *first = picked + n
    cdef double *total = <double *>(first + n_batches + 1)
    cdef double *rate = total + n_batches + 1
    cdef int64_t *number = <int64_t *>(rate + n_batches + 1)
    first[0] = 0
    for at in range(n_batches):
        start, stop = at * batch_size, min(n, (at + 1) * batch_size)
        for i in range(start, stop):
            picked[first[k] + i - start] = i if source == NULL else source[i]
        kept = stop - start
        if weight != NULL:
            kept = drop_weightless(picked + first[k], kept, weight, picked + first[k])
        if kept > 0:
            first[k + 1] = first[k] + kept
            total[k] = total_weight(picked, first[k], kept, weight)
            rate[k] = rates[at]
            number[k] = at
            k += 1
    total[k] = 0.0
    batches.n, batches.picked, batches.first, batches.number = k, picked, first, number
    batches.total, batches.rates = total, rate
    return 0
