"""How the rows of a batch are cut for the threads of an epoch."""

from fastlin._core.rows cimport Rows, Sizes


cdef struct Cut:
    ptrdiff_t piece_rows    # of what a thread takes at a time: whole blocks, and of one group
    ptrdiff_t group_rows    # whose gradients are added up before they meet those of others
    ptrdiff_t panel_rows    # whose gradient is made at once
    ptrdiff_t slice_features    # of what a thread takes at a time of the weights
    ptrdiff_t ld_part       # numbers from one class to the next in a piece's own gradient; 0: pieces have none


cpdef double batch_work(ptrdiff_t batch_size, ptrdiff_t n_classes, ptrdiff_t n_features) noexcept nogil
cdef Sizes cut_rows(
    Cut *cut, const Rows *rows, ptrdiff_t n_classes, ptrdiff_t batch_size, int n_threads
) noexcept nogil
