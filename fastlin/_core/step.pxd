"""How a step is told to the kernels."""

from fastlin._core.kernels cimport fl_model, fl_step


cdef fl_model as_model(tuple arrays, ptrdiff_t ld) except *
cdef fl_step step_at(const fl_step *rule, double lr, double n_steps, double n_averaged) noexcept nogil


cdef inline fl_model model_from(const fl_model *model, size_t offset) noexcept nogil:
    """The model's features that begin `offset` bytes on."""
    cdef fl_model rest = model[0]
    rest.w_cd = <char *>model.w_cd + offset
    if model.v_cd != NULL:
        rest.v_cd = <char *>model.v_cd + offset
    if model.s_cd != NULL:
        rest.s_cd = <char *>model.s_cd + offset
    if model.a_cd != NULL:
        rest.a_cd = <char *>model.a_cd + offset
    return rest
