"""Arguments as most calls bring them, told from the rest in the time of a few instructions.

What `fastlin._arrays` says of arguments takes longer than a small loss. So the loops are asked first whether there is
anything to say.
"""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastlin._core.rows cimport data_of

cnp.import_array()

# Within these a positive number needs no second look in float32 either, as in fastlin._arrays.
cdef double LEAST = 1.0 / 1e30
cdef double MOST = 1e30


cdef inline bint _is_plain(object value, int n_axes) noexcept:
    return (
        type(value) is cnp.ndarray and cnp.PyArray_NDIM(<cnp.ndarray>value) == n_axes
        and cnp.PyArray_ISCARRAY(<cnp.ndarray>value)
    )


cdef inline bint _is_within(object value, double least) noexcept:
    return type(value) is float and least <= <double>value <= MOST


def are_plain(X, y, W, b):
    """Whether the checks of `fastlin._arrays` would pass these on as they are, told in a tenth of their time.

    False is no refusal; where it is True, rows, labels, weights and bias fit each other in shape and type.
    """
    cdef int stored, real
    if not (_is_plain(X, 2) and _is_plain(y, 1) and _is_plain(W, 2) and (b is None or _is_plain(b, 1))):
        return False
    stored, real = cnp.PyArray_TYPE(X), cnp.PyArray_TYPE(W)
    return (
        (stored == cnp.NPY_UINT8 or stored == cnp.NPY_FLOAT16 or stored == cnp.NPY_FLOAT32 or stored == cnp.NPY_FLOAT64)
        and real == <int>(cnp.NPY_FLOAT64 if stored == cnp.NPY_FLOAT64 else cnp.NPY_FLOAT32)
        and cnp.PyArray_TYPE(y) == cnp.NPY_INT64 and cnp.PyArray_DIM(y, 0) == cnp.PyArray_DIM(X, 0)
        and cnp.PyArray_DIM(W, 0) > 0 and cnp.PyArray_DIM(W, 1) == cnp.PyArray_DIM(X, 1) > 0
        and (b is None or (cnp.PyArray_TYPE(b) == real and cnp.PyArray_DIM(b, 0) == cnp.PyArray_DIM(W, 0)))
    )


def are_plain_numbers(margin, l2, l1):
    """The same of a margin and the strengths of penalties."""
    return _is_within(margin, LEAST) and _is_within(l2, 0.0) and _is_within(l1, 0.0)


def is_plain_hinge(power, kind):
    """The same of the hinge's two choices."""
    return type(power) is int and (power == 1 or power == 2) and type(kind) is str and (kind == "sum" or kind == "max")


def find_wrong_label(cnp.ndarray y, cnp.ndarray rows, cnp.ndarray weight, ptrdiff_t n_classes):
    """Position in `y` of the first label that is not in 0..n_classes-1, or -1.

    Of all labels or of those of `rows`; those of weight zero do not count.
    """
    cdef const double *weight_n = <const double *>data_of(weight)
    cdef const int64_t *labels = <const int64_t *>cnp.PyArray_DATA(y)
    cdef const int64_t *picked = <const int64_t *>data_of(rows)
    cdef ptrdiff_t i, row, n = cnp.PyArray_DIM(y if rows is None else rows, 0), wrong = -1
    with nogil:
        for i in range(n):
            row = i if picked == NULL else picked[i]
            if (labels[row] < 0 or labels[row] >= n_classes) and (weight_n == NULL or weight_n[row] > 0.0):
                wrong = row
                break
    return wrong
