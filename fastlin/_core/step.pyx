"""Single steps of gradient descent, and the penalty, on whole arrays."""

cimport numpy as cnp

from fastlin._core.kernels cimport fl_fold, fl_real, fl_real_kernels, fl_step, kernels
from fastlin._core.rows cimport data_of

cnp.import_array()


def step(
    cnp.ndarray parameter not None, cnp.ndarray gradient not None, cnp.ndarray velocity, double lr, double momentum,
    bint nesterov, double l1,
):
    """One step of gradient descent on an array, in place."""
    cdef fl_real real_type = fl_real.FL_REAL32 if parameter.descr.type == b"f" else fl_real.FL_REAL64
    cdef const fl_real_kernels *real = &kernels().real[<int>real_type]
    cdef fl_step how = fl_step(lr, momentum, 0.0, l1, nesterov)
    cdef fl_fold unfolded = fl_fold(NULL, NULL)
    cdef ptrdiff_t n = cnp.PyArray_SIZE(parameter)
    cdef void *w = cnp.PyArray_DATA(parameter)
    cdef void *v = data_of(velocity)
    cdef const void *dw = cnp.PyArray_DATA(gradient)
    with nogil:
        real.update(1, n, w, n, v, n, dw, n, unfolded, NULL, &how)


def penalty(cnp.ndarray W not None, double l2, double l1):
    """l2 * sum(W**2) + l1 * sum(|W|)."""
    cdef fl_real real_type = fl_real.FL_REAL32 if W.descr.type == b"f" else fl_real.FL_REAL64
    cdef const fl_real_kernels *real = &kernels().real[<int>real_type]
    cdef ptrdiff_t n = cnp.PyArray_SIZE(W)
    return real.penalty(1, n, cnp.PyArray_DATA(W), n, l2, l1)
