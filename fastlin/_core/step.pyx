"""Single steps of gradient descent, and the penalty, on whole arrays."""

cimport numpy as cnp
from libc.math cimport pow, sqrt

from fastlin._core.kernels cimport fl_fold, fl_model, fl_real, fl_real_kernels, fl_step, kernels
from fastlin._core.rows cimport data_of

cnp.import_array()


cdef fl_model as_model(tuple arrays, ptrdiff_t ld) except *:
    """Weights, velocity or mean gradient, mean square (makes it Adam), mean weights: arrays, all but the first or None.

    None for the tuple: nothing there.
    """
    cdef fl_model model = fl_model(NULL, NULL, NULL, NULL, ld)
    if arrays is not None:
        w, v, s, a = arrays
        model.w_cd, model.v_cd, model.s_cd, model.a_cd = data_of(w), data_of(v), data_of(s), data_of(a)
    return model


cdef fl_step step_at(const fl_step *rule, double lr, double n_steps, double n_averaged) noexcept nogil:
    """The step after `n_steps`, with `n_averaged` weights in the mean."""
    cdef fl_step step = rule[0]
    step.lr = lr
    step.share = 1.0 / (n_averaged + 1.0)
    if rule.beta2 > 0.0:
        step.first = 1.0 / (1.0 - pow(rule.momentum, n_steps + 1.0))
        step.second = 1.0 / sqrt(1.0 - pow(rule.beta2, n_steps + 1.0))
    return step


def step(
    tuple arrays not None, cnp.ndarray gradient not None, double lr, double momentum, bint nesterov, double beta2,
    double epsilon, double n_steps, double l1,
):
    """One step of gradient descent on the array arrays[0], in place; `arrays` as `as_model` takes them."""
    cdef fl_real real_type = fl_real.FL_REAL32 if gradient.descr.type == b"f" else fl_real.FL_REAL64
    cdef const fl_real_kernels *real = &kernels().real[<int>real_type]
    cdef fl_step rule = fl_step(0.0, momentum, 0.0, l1, beta2, epsilon, 0.0, 0.0, 0.0, nesterov)
    cdef fl_step how = step_at(&rule, lr, n_steps, 0.0)
    cdef fl_fold unfolded = fl_fold(NULL, NULL)
    cdef ptrdiff_t n = cnp.PyArray_SIZE(gradient)
    cdef fl_model model = as_model(arrays, n)
    cdef const void *dw = cnp.PyArray_DATA(gradient)
    with nogil:
        real.update(1, n, model, dw, n, unfolded, NULL, &how, NULL)
