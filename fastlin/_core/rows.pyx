"""Rows as they lie in memory, and the blocks in which every loop reads them.

(A) `read_rows` describes an (N, D) array of any dtype, stride and byte order. Contiguous, aligned features of uint8,
    float16, float32 or float64 are read by the kernels in place; anything else, and rows whose shift cannot be folded
    into the weights (`centre_rows`), passes through a tile of one block.
(B) A loop picks the rows of a block by number (`point_at`), so that minibatches are never gathered.
(C) Losses compare scores, and a row's gradients add up to zero. So loops that need no scores multiply rows with one
    class less (`products_of`): the packed weights are less those of the last class, the reference, whose score is then
    0 and whose gradient is minus the sum of the others'.
(D) The hinge's gradient of the scores is mostly 0, or mostly one number of a row; where that pays, the gradient of the
    weights is made from lists of the other rows (`_sparse_gradient`).
(E) A block is the unit of work: a few rows that stay in the second-level cache between scores and gradient. Its height
    depends on the shape alone, never on the thread count, so neither do the results.
"""

cimport numpy as cnp
from libc.math cimport INFINITY, fabs, isfinite
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from fastlin._core.kernels cimport FL_SCRATCH_BYTES, FL_SPARSE_ROWS, convert, fl_loss_kind, fl_real, fl_sparse
from fastlin._core.kernels cimport fl_storage, kernels

cnp.import_array()


cdef extern from "fl_workspace.h" nogil:
    const size_t FL_LINE, FL_KEPT_BYTES
    ctypedef struct fl_room:
        size_t bytes
        char *start
    fl_room *fl_room_open(size_t n_bytes)
    fl_room *fl_room_borrow()
    void fl_room_put_back(fl_room *room)


# Rows of a block: enough that the weights and the gradient, which pass once a block, cost little beside them.
cdef enum:
    LEAST_ROWS = 4
cdef enum:
    MOST_ROWS = 256
# Of more classes one less saves under 3 %, and the sum of so many gradients loses digits.
cdef enum:
    MOST_COMPARED = 40
# How far from zero, in units of their spread, rows may lie and still have their shift folded into the weights: raw
# pixels of photographs lie at about 2. The error of float32 sums, 1e-6 of the largest gradient, grows by that.
cdef enum:
    FAR = 4


cdef inline size_t _lines(size_t n_bytes) noexcept nogil:
    return (n_bytes + FL_LINE - 1) // FL_LINE * FL_LINE


cdef class Memory:
    """Memory of one call, aligned to cache lines, given back when the call ends.

    Pieces are cut from a room that an earlier call left. What does not fit has an allocation of its own, and the next
    call finds a room large enough for all.
    """

    def __cinit__(self):
        self._room = fl_room_borrow()
        self._wanted = self._used = 0
        self._count = 0

    cdef char *take(self, size_t n_bytes) except NULL:
        cdef fl_room *room = <fl_room *>self._room
        n_bytes = _lines(n_bytes)
        self._wanted += n_bytes
        if room != NULL and n_bytes <= room.bytes - self._used:
            self._used += n_bytes
            return room.start + self._used - n_bytes
        if self._count == 8:
            raise AssertionError("a call takes at most 8 pieces of memory")
        room = fl_room_open(n_bytes)
        if room == NULL:
            raise MemoryError(f"no memory for a workspace of {n_bytes} bytes")
        self._own[self._count] = room
        self._count += 1
        return room.start

    def __dealloc__(self):
        cdef int i
        for i in range(self._count):
            free(self._own[i])
        if self._count > 0 and self._wanted <= FL_KEPT_BYTES:
            free(self._room)
            self._room = fl_room_open(self._wanted)
        fl_room_put_back(<fl_room *>self._room)


cdef int read_rows(cnp.ndarray X, Rows *rows) except -1:
    cdef size_t size = cnp.PyArray_ITEMSIZE(X)
    cdef char code = X.descr.type
    cdef fl_storage storage
    rows.base = cnp.PyArray_BYTES(X)
    rows.n_rows = cnp.PyArray_DIM(X, 0)
    rows.n_features = cnp.PyArray_DIM(X, 1)
    rows.row_stride = cnp.PyArray_STRIDE(X, 0)
    rows.col_stride = cnp.PyArray_STRIDE(X, 1)
    rows.code = code
    rows.swapped = not cnp.PyArray_ISNOTSWAPPED(X)
    rows.direct = (
        not rows.swapped and cnp.PyArray_ISALIGNED(X)
        and (<size_t>rows.col_stride == size or rows.n_features == 1)
    )
    if code == b"?" or code == b"B":
        storage = fl_storage.FL_U8
    elif code == b"e":
        storage = fl_storage.FL_F16
    elif code == b"f":
        storage = fl_storage.FL_F32
    elif code == b"d":
        storage = fl_storage.FL_F64
    else:
        rows.direct = False
        storage = fl_storage.FL_F32 if code in b"bhH" else fl_storage.FL_F64
    rows.real_type = fl_real.FL_REAL64 if storage == fl_storage.FL_F64 else fl_real.FL_REAL32
    rows.stored = &kernels().rows[<int>storage]
    rows.kernels = rows.stored
    rows.real = &kernels().real[<int>rows.real_type]
    rows.kernel_size = size
    rows.centre_d = NULL
    rows.tiled = False
    if not rows.direct:
        _read_through_tile(rows)
    return 0


cdef void _read_through_tile(Rows *rows) noexcept nogil:
    rows.tiled = True
    rows.kernels = &kernels().rows[
        <int>(fl_storage.FL_F64 if rows.real_type == fl_real.FL_REAL64 else fl_storage.FL_F32)
    ]
    rows.kernel_size = rows.real.size


cdef void centre_rows(Rows *rows, fl_fold *fold) noexcept nogil:
    """Take the shift off the rows themselves, through a tile, where folding it into the weights would lose digits.

    Folded, the sums of x and of the shift cancel: |shift| * scale digits of the result, in units, are lost. Where no
    scale tells how far that is, the shift is taken off.
    """
    cdef ptrdiff_t i
    cdef bint far = False
    if fold.shift_d == NULL:
        return
    if fold.scale_d == NULL:
        far = True
    else:
        for i in range(rows.n_features):
            far = far or fabs(
                get_real(fold.shift_d, rows.real_type, i) * get_real(fold.scale_d, rows.real_type, i)
            ) > FAR
    if far:
        rows.centre_d = fold.shift_d
        fold.shift_d = NULL
        _read_through_tile(rows)


cdef ptrdiff_t rows_in_cache(const Rows *rows, ptrdiff_t n_classes, size_t n_bytes) noexcept nogil:
    """How many rows, as the kernels read them, fit with their scores: a multiple of 4 between 4 and 256."""
    cdef ptrdiff_t bytes_of_row = rows.n_features * rows.kernel_size + n_classes * rows.real.size
    return max(LEAST_ROWS, min(MOST_ROWS, <ptrdiff_t>n_bytes // bytes_of_row // 4 * 4))


cdef inline ptrdiff_t _whole(ptrdiff_t n, ptrdiff_t lanes) noexcept nogil:
    return (n + lanes - 1) // lanes * lanes


cdef ptrdiff_t products_of(ptrdiff_t n_classes) noexcept nogil:
    return n_classes - 1 if 1 < n_classes <= MOST_COMPARED else n_classes


cdef const void *reference_of(const Rows *rows, const Sizes *sizes, const void *w_cd) noexcept nogil:
    """The weights, from the same feature on as w_cd, that are taken off the other classes'; NULL for none."""
    if sizes.n_products == sizes.n_classes:
        return NULL
    return <const char *>w_cd + <size_t>(sizes.n_products * rows.n_features) * rows.real.size


cdef Sizes size_block(const Rows *rows, ptrdiff_t n_classes, ptrdiff_t n_products, ptrdiff_t most_rows) noexcept nogil:
    cdef Sizes sizes
    cdef size_t n = <size_t>most_rows
    sizes.most_rows = most_rows
    sizes.n_classes = n_classes
    sizes.n_products = n_products
    sizes.n_features = rows.n_features
    sizes.padded_classes = _whole(n_classes, rows.real.lanes)
    sizes.bytes = (
        4 * _lines(n * 8) + _lines(n * sizes.padded_classes * rows.real.size) + _lines(FL_SCRATCH_BYTES(most_rows))
        + _lines(sizes.padded_classes * 8)
        + (_lines(n * rows.n_features * rows.real.size) if rows.tiled else 0)
    )
    return sizes


cdef void open_block(Block *block, const Rows *rows, const Sizes *sizes, char *memory) noexcept nogil:
    """Lay a block out in `memory` of sizes.bytes. The padding of its scores is zero, and kernels keep it so."""
    cdef size_t n = <size_t>sizes.most_rows, s_bytes = n * sizes.padded_classes * rows.real.size
    block.n = block.n_left = 0
    block.ahead = NULL
    block.x_n = <const void **>memory
    memory += _lines(n * 8)
    block.next_n = <const void **>memory
    memory += _lines(n * 8)
    block.y_n = <int64_t *>memory
    memory += _lines(n * 8)
    block.share_n = <double *>memory
    memory += _lines(n * 8)
    block.s_nc = memory
    memset(memory, 0, s_bytes)
    memory += _lines(s_bytes)
    block.resting = memory
    memory += _lines(FL_SCRATCH_BYTES(sizes.most_rows))
    block.db_c = <double *>memory
    memory += _lines(sizes.padded_classes * 8)
    block.tile = memory


cdef void point_at(const Rows *rows, const int64_t *picked, ptrdiff_t first, ptrdiff_t n,
                   const void **x_n) noexcept nogil:
    """Addresses of the rows picked[first : first + n]; picked NULL: of the rows first .. first + n."""
    cdef ptrdiff_t r
    for r in range(n):
        x_n[r] = rows.base + (first + r if picked == NULL else picked[first + r]) * rows.row_stride


cdef void load_features(const Rows *rows, ptrdiff_t n, ptrdiff_t d0, ptrdiff_t d1, const void **x_n,
                        char *tile) noexcept nogil:
    """Let x_n point at feature d0 as the kernels read it: in the rows themselves, or in `tile`."""
    cdef ptrdiff_t r, width = d1 - d0
    cdef size_t offset = <size_t>d0 * rows.real.size
    if not rows.tiled:
        for r in range(n):
            x_n[r] = <const char *>x_n[r] + <size_t>d0 * rows.kernel_size
        return
    if rows.direct:
        rows.stored.centre(n, x_n, d0, d1, <const char *>rows.centre_d + offset, tile, width)
    else:
        convert(rows.code, rows.swapped, n, x_n, rows.col_stride, d0, d1, rows.real_type, tile, width)
    for r in range(n):
        x_n[r] = tile + <size_t>(r * width) * rows.real.size
    if rows.centre_d != NULL and not rows.direct:
        rows.kernels.centre(n, x_n, 0, width, <const char *>rows.centre_d + offset, tile, width)


cdef void score_block(Block *block, const Rows *rows, const Sizes *sizes, const void *w_packed, const int64_t *picked,
                      ptrdiff_t first, ptrdiff_t n, bint alone) noexcept nogil:
    """Scores, without the bias, of the rows picked[first : first + n]; alone: no gradient follows."""
    block.asked = alone or sizes.n_products <= BOUND_BY_MEMORY or 2 * block.n_left < block.n
    block.n = n
    point_at(rows, picked, first, n, block.x_n)
    load_features(rows, n, 0, sizes.n_features, block.x_n, block.tile)
    rows.kernels.scores(n, sizes.n_features, sizes.n_products, block.x_n, w_packed, block.s_nc, sizes.padded_classes,
                        block.resting, block.ahead if block.asked else NULL)


cdef void look_ahead(Block *block, const Rows *rows, const int64_t *picked, ptrdiff_t first, ptrdiff_t stop,
                     ptrdiff_t n_asking) noexcept nogil:
    """Let the kernels ask for the rows picked[first : stop], if any, while they work on `n_asking` rows to come."""
    cdef ptrdiff_t n = min(n_asking, stop - first), r
    block.ahead = block.next_n if n > 0 and not rows.tiled else NULL
    if block.ahead == NULL:
        return
    point_at(rows, picked, first, n, block.next_n)
    for r in range(n, n_asking):
        block.next_n[r] = block.next_n[n - 1]


cdef double block_loss(Block *block, const Rows *rows, const Sizes *sizes, const fl_loss *loss, const void *bias_c,
                       const int64_t *picked, ptrdiff_t first, const int64_t *y, const double *weight, double total,
                       double *db_c, int64_t *n_correct) noexcept nogil:
    """Turn the block's scores into their gradient; returns its part of a mean loss over rows of `total` weight.

    db_c += sum of the gradient over the block's rows.
    """
    cdef ptrdiff_t r, j, row
    cdef int64_t label
    for r in range(block.n):
        row = first + r if picked == NULL else picked[first + r]
        label = y[row]
        # The labels were checked, but another thread may write to y meanwhile: that must not make us write elsewhere.
        block.y_n[r] = label if 0 <= label < sizes.n_classes else 0
        block.share_n[r] = (1.0 if weight == NULL else weight[row]) / total
    memset(block.db_c, 0, <size_t>sizes.padded_classes * sizeof(double))
    block.loss = rows.real.loss_rows(loss, block.n, sizes.n_classes, sizes.n_products < sizes.n_classes, block.s_nc,
                                     sizes.padded_classes, bias_c, block.y_n, block.share_n, block.db_c, n_correct)
    for j in range(sizes.n_classes):
        db_c[j] += block.db_c[j]
    block.has_zeros = loss.kind != fl_loss_kind.FL_SOFTMAX
    return block.loss


cdef ptrdiff_t _sparse_gradient(Block *block, const Rows *rows, const Sizes *sizes, void *dw_cd, ptrdiff_t ld_dw,
                                bint accumulate, bint one_sum, const void *const *ahead) noexcept nogil:
    """dw_cd (+)= the gradient of the first rows, run by run from lists, until that does not pay; returns how many."""
    cdef fl_sparse sparse
    cdef ptrdiff_t first = 0, n = block.n_left, n_runs, run, height
    cdef size_t n_bytes = FL_SCRATCH_BYTES(sizes.most_rows)
    # Each so low that there is room to list half of its numbers: more would not pay.
    n_runs = cuts_of(n, min(FL_SPARSE_ROWS, <ptrdiff_t>(2 * n_bytes // (sizes.n_products * (rows.real.size + 1))) + 1))
    if one_sum and n_runs > 1:
        return 0
    for run in range(n_runs):
        height = cuts_of(n - first, n_runs - run)
        if not rows.real.compress(height, sizes.n_products, sizes.n_features,
                                  block.s_nc + <size_t>(first * sizes.padded_classes) * rows.real.size,
                                  sizes.padded_classes, block.resting, n_bytes, &sparse):
            break
        rows.kernels.gradient_sparse(height, sizes.n_products, block.x_n + first, &sparse, sizes.n_features, dw_cd,
                                     ld_dw, accumulate or first > 0, NULL if ahead == NULL else ahead + first)
        first += height
    return first


cdef void block_gradient(Block *block, const Rows *rows, const Sizes *sizes, void *dw_cd, ptrdiff_t ld_dw,
                         bint accumulate, bint one_sum) noexcept nogil:
    """dw_cd (+)= the gradient of the weights, where `block_loss` left that of the scores; the block is used up.

    one_sum: the block, of no more than `run_rows`, is one sum from zero that is then added to dw_cd, so it makes no
    lists where several would be needed.
    """
    cdef const void *const *ahead = NULL if block.asked and sizes.n_products > BOUND_BY_MEMORY else block.ahead
    cdef ptrdiff_t done = 0
    block.n_left = block.n
    if isfinite(block.loss):    # else a row without a gradient may yet ruin that of the weights
        block.n_left = rows.real.drop_zeros(block.n, sizes.n_products, block.s_nc, sizes.padded_classes, block.x_n)
        if block.has_zeros:
            done = _sparse_gradient(block, rows, sizes, dw_cd, ld_dw, accumulate, one_sum, ahead)
    # One row at least, whatever it holds: where there are no sums, zeros are to be written.
    if done == 0 or done < block.n_left:
        rows.kernels.gradient(
            max(block.n_left - done, <ptrdiff_t>1), sizes.n_products, block.x_n + done,
            block.s_nc + <size_t>(done * sizes.padded_classes) * rows.real.size, sizes.padded_classes,
            0, sizes.n_features, dw_cd, ld_dw, accumulate or done > 0, NULL if ahead == NULL else ahead + done,
        )


cdef void write_bias(const Rows *rows, const Sizes *sizes, const void *b_c, const double *less_c,
                     void *bias_c) noexcept nogil:
    """bias_c = b_c (NULL: 0) less what folding takes off it (NULL: nothing), as the kernels want it padded."""
    cdef ptrdiff_t j
    cdef double bias
    for j in range(sizes.padded_classes):
        bias = -INFINITY
        if j < sizes.n_classes:
            bias = 0.0 if b_c == NULL else get_real(b_c, rows.real_type, j)
            bias -= 0.0 if less_c == NULL else less_c[j]
        put_real(bias_c, rows.real_type, j, bias)


cdef ptrdiff_t gradient_stride(const Rows *rows) noexcept nogil:
    """Numbers from one class to the next in a gradient of our own.

    A line more than whole vectors: else classes would meet in the same sets of the cache.
    """
    return _whole(rows.n_features, rows.real.lanes) + 64 // <ptrdiff_t>rows.real.size


cdef size_t gradient_offset(const Rows *rows) noexcept nogil:
    """Bytes, less than a line, by which a gradient of our own is moved: its lines begin where those of the rows do.

    The kernel cuts features at the lines of the rows.
    """
    cdef size_t features_before
    if rows.tiled or rows.row_stride % <ptrdiff_t>FL_LINE != 0:
        return 0
    features_before = (FL_LINE - <size_t>rows.base % FL_LINE) % FL_LINE // rows.kernel_size
    return (FL_LINE - features_before * rows.real.size % FL_LINE) % FL_LINE


cdef ptrdiff_t drop_weightless(const int64_t *picked, ptrdiff_t n, const double *weight, int64_t *kept) noexcept nogil:
    """Keep the row numbers of positive weight, in their order; tells how many."""
    cdef ptrdiff_t i, row, count = 0
    for i in range(n):
        row = i if picked == NULL else picked[i]
        if weight[row] > 0.0:
            kept[count] = row
            count += 1
    return count


cdef double total_weight(const int64_t *picked, ptrdiff_t first, ptrdiff_t n, const double *weight) noexcept nogil:
    cdef ptrdiff_t i
    cdef double total = 0.0
    if weight == NULL:
        return <double>n
    for i in range(first, first + n):
        total += weight[i if picked == NULL else picked[i]]
    return total
