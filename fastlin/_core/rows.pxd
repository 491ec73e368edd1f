"""Rows as they lie in memory, and the blocks in which every loop reads them."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from fastlin._core.kernels cimport fl_fold, fl_loss, fl_real, fl_real_kernels, fl_row_kernels


cdef struct Rows:
    const char *base
    ptrdiff_t n_rows, n_features, row_stride, col_stride
    char code               # NumPy's dtype.char
    int swapped             # other byte order
    int direct              # the kernels can read them as they lie
    int tiled               # they read them from a converted or centred tile instead
    const void *centre_d    # what is taken off on the way into the tile, or NULL
    size_t kernel_size      # bytes of an element as the kernels read it
    fl_real real_type
    const fl_row_kernels *stored    # for elements as they lie, where direct
    const fl_row_kernels *kernels   # for what the loops read
    const fl_real_kernels *real


cdef struct Sizes:
    ptrdiff_t most_rows     # of a block
    ptrdiff_t n_classes, padded_classes, n_features
    ptrdiff_t n_products    # classes that rows are multiplied with: all, or all but the reference
    size_t bytes            # memory of a block


cdef struct Block:
    ptrdiff_t n
    ptrdiff_t n_left        # rows with a gradient, after `block_gradient`
    double loss             # of the block, after `block_loss`
    bint has_zeros          # many, in the gradient that `block_loss` left
    const void **x_n
    const void **next_n     # of the block to come: room for `look_ahead`
    const void *const *ahead    # those, or NULL where it found none
    bint asked              # whether the scores asked for them
    int64_t *y_n
    double *share_n
    char *s_nc              # padded_classes apart
    char *resting           # the scores kernel's scratch
    double *db_c            # sum of the gradient over the block's rows, padded
    char *tile


cdef class Memory:
    cdef void *_room    # fl_room of fl_workspace.h
    cdef void *_own[8]
    cdef size_t _wanted, _used
    cdef int _count
    cdef char *take(self, size_t n_bytes) except NULL


cdef int read_rows(cnp.ndarray X, Rows *rows) except -1
cdef void centre_rows(Rows *rows, fl_fold *fold) noexcept nogil
cdef ptrdiff_t rows_in_cache(const Rows *rows, ptrdiff_t n_classes, size_t n_bytes) noexcept nogil
cdef ptrdiff_t products_of(ptrdiff_t n_classes) noexcept nogil
cdef const void *reference_of(const Rows *rows, const Sizes *sizes, const void *w_cd) noexcept nogil
cdef Sizes size_block(const Rows *rows, ptrdiff_t n_classes, ptrdiff_t n_products, ptrdiff_t most_rows) noexcept nogil
cdef void open_block(Block *block, const Rows *rows, const Sizes *sizes, char *memory) noexcept nogil
cdef void point_at(const Rows *rows, const int64_t *picked, ptrdiff_t first, ptrdiff_t n,
                   const void **x_n) noexcept nogil
cdef void load_features(const Rows *rows, ptrdiff_t n, ptrdiff_t d0, ptrdiff_t d1, const void **x_n,
                        char *tile) noexcept nogil
cdef void score_block(Block *block, const Rows *rows, const Sizes *sizes, const void *w_packed, const int64_t *picked,
                      ptrdiff_t first, ptrdiff_t n, bint alone) noexcept nogil
cdef void look_ahead(Block *block, const Rows *rows, const int64_t *picked, ptrdiff_t first, ptrdiff_t stop,
                     ptrdiff_t n_asking) noexcept nogil
cdef double block_loss(Block *block, const Rows *rows, const Sizes *sizes, const fl_loss *loss, const void *bias_c,
                       const int64_t *picked, ptrdiff_t first, const int64_t *y, const double *weight, double total,
                       double *db_c, int64_t *n_correct) noexcept nogil
cdef void block_gradient(Block *block, const Rows *rows, const Sizes *sizes, void *dw_cd, ptrdiff_t ld_dw,
                         bint accumulate, bint one_sum) noexcept nogil
cdef void write_bias(const Rows *rows, const Sizes *sizes, const void *b_c, const double *less_c,
                     void *bias_c) noexcept nogil
cdef ptrdiff_t gradient_stride(const Rows *rows) noexcept nogil
cdef size_t gradient_offset(const Rows *rows) noexcept nogil
cdef ptrdiff_t drop_weightless(const int64_t *picked, ptrdiff_t n, const double *weight, int64_t *kept) noexcept nogil
cdef double total_weight(const int64_t *picked, ptrdiff_t first, ptrdiff_t n, const double *weight) noexcept nogil


cdef inline void *data_of(cnp.ndarray array) noexcept:
    """Address of the first element; NULL for None."""
    if array is None:
        return NULL
    return cnp.PyArray_DATA(array)


# So many products need less time than memory for the rows: the scores ask it for rows to come as well as the gradient,
# which of one or two leaves the first part of them to the scores (FL_ASK_PACE of rows.inc.h). Of more classes the
# gradient alone asks, as `scores` is the phase that waits for memory; but where few rows have a gradient, the scores
# alone.
cdef enum:
    BOUND_BY_MEMORY = 3
# What a row costs besides its 4 C D operations, in operations: the exponentials, the bookkeeping.
cdef enum:
    ROW_WORK = 2_000


cdef inline double row_work(ptrdiff_t n_classes, ptrdiff_t n_features) noexcept nogil:
    """Operations of a row: its scores, loss and gradient."""
    return 4.0 * n_classes * n_features + ROW_WORK


cdef inline ptrdiff_t cuts_of(ptrdiff_t n, ptrdiff_t size) noexcept nogil:
    """How many pieces of `size`, the last perhaps smaller, n make."""
    return (n + size - 1) // size


cdef inline fl_fold fold_from(const fl_fold *fold, size_t offset) noexcept nogil:
    """The folding of the features that begin `offset` bytes on."""
    cdef fl_fold rest = fl_fold(NULL, NULL)
    if fold.shift_d != NULL:
        rest.shift_d = <const char *>fold.shift_d + offset
    if fold.scale_d != NULL:
        rest.scale_d = <const char *>fold.scale_d + offset
    return rest


cdef inline double get_real(const void *array, fl_real real_type, ptrdiff_t i) noexcept nogil:
    return (<const float *>array)[i] if real_type == fl_real.FL_REAL32 else (<const double *>array)[i]


cdef inline void put_real(void *array, fl_real real_type, ptrdiff_t i, double value) noexcept nogil:
    if real_type == fl_real.FL_REAL32:
        (<float *>array)[i] = <float>value
    else:
        (<double *>array)[i] = value
