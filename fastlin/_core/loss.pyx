"""One fused pass: loss and gradient of all rows, each read from memory once.

(A) The rows are cut into chunks, at most 32 and not smaller than is worth a thread. A chunk sums its own gradient, so
    that threads never meet before the end: on a busy machine nothing waits for a thread that lost its processor.
(B) A chunk goes block by block: scores, losses and their gradient with respect to the scores, gradient of the weights
    while the rows are in cache.
(C) The chunks' gradients are added in their order, unfolded and given the penalty, in slices of features, which
    threads share where there is much to add. That of a single block is made where it is wanted, and stays as it is
    where there is nothing to add.

Chunks and blocks depend on the shape alone, so the bits of the result do not depend on the thread count.
"""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid
from libc.math cimport isfinite
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastlin._core.kernels cimport fl_fold, fl_loss, fl_loss_kind
from fastlin._core.rows cimport Block, Memory, Rows, Sizes, block_gradient, block_loss, centre_rows, cuts_of, data_of
from fastlin._core.rows cimport drop_weightless, fold_from, gradient_offset, gradient_stride, look_ahead, open_block
from fastlin._core.rows cimport products_of, put_real, read_rows, reference_of, row_work, rows_in_cache, score_block
from fastlin._core.rows cimport size_block, total_weight, write_bias

cnp.import_array()

# A block is read twice, so it should stay in a second-level cache of 1 MiB beside the weights and the gradient.
cdef enum:
    BLOCK_BYTES = 512 * 1024
# Several runs pass the cache once for each group of classes, and rows that are asked for come in beside them.
cdef enum:
    RUNS_BYTES = 256 * 1024
# About half a millisecond of one core: below that a thread of its own costs more than it brings.
cdef enum:
    CHUNK_WORK = 64_000_000
cdef enum:
    MOST_CHUNKS = 32
# All chunks' gradients together; so a gradient above half of that is made by one thread.
cdef enum:
    ALL_PARTS_BYTES = 48 * 1024 * 1024
# A gradient that does not stay in a second-level cache is written and read again by way of memory; over so many rows
# that costs a few percent.
cdef enum:
    SMALL_PART_BYTES = 512 * 1024
cdef enum:
    LARGE_PART_ROWS = 1024
cdef enum:
    SLICE = 256
# Of chunks' gradients: adding up so many takes one thread some 50 us, several times what it takes to start a team.
cdef enum:
    SHARED_PARTS_BYTES = 2 * 1024 * 1024


cdef struct Pass:
    Rows rows
    Sizes sizes
    fl_loss loss
    fl_fold fold
    const int64_t *picked   # row numbers; NULL for all rows
    ptrdiff_t n, chunk_rows, n_chunks
    const int64_t *y
    const double *weight
    double total
    const void *w_cd
    char *w_packed
    char *bias_c
    char *memory            # a block for each thread
    char *parts             # a (C, ld_part) gradient for each chunk
    ptrdiff_t ld_part
    double *loss_parts
    int64_t *correct_parts
    double *db_parts        # (n_chunks, C)
    double *db_c
    double *penalty_parts   # a slice's each
    double l2, l1
    void *out               # NULL: the loss alone
    int n_threads


cdef ptrdiff_t _block_rows(const Rows *rows, ptrdiff_t n_classes) noexcept nogil:
    """Rows of a block: one of the gradient's runs or what fits of it, or several whole ones where rows are short."""
    cdef ptrdiff_t fit = rows_in_cache(rows, n_classes, BLOCK_BYTES), run = rows.kernels.run_rows
    return max(min(fit, run), rows_in_cache(rows, n_classes, RUNS_BYTES) // run * run)


cdef void _run_chunk(const Pass *run, ptrdiff_t k, int thread) noexcept nogil:
    cdef Block block
    cdef ptrdiff_t start = k * run.chunk_rows, stop = min(run.n, start + run.chunk_rows), first, n, j
    cdef ptrdiff_t c = run.sizes.n_classes, p = run.sizes.n_products, d = run.sizes.n_features
    cdef size_t part_size = <size_t>(c * run.ld_part) * run.rows.real.size
    cdef char *part = run.parts + <size_t>k * part_size
    cdef double *db = run.db_parts + k * c
    # One thread goes on with the next chunk; of several, another may have it.
    cdef ptrdiff_t stop_ahead = run.n if run.n_threads == 1 else stop
    cdef double loss = 0.0
    cdef int64_t n_correct = 0
    open_block(&block, &run.rows, &run.sizes, run.memory + <size_t>thread * run.sizes.bytes)
    for j in range(c):
        db[j] = 0.0
    first = start
    while first < stop:
        n = min(run.sizes.most_rows, stop - first)
        look_ahead(&block, &run.rows, run.picked, first + n, stop_ahead, n)
        score_block(&block, &run.rows, &run.sizes, run.w_packed, run.picked, first, n, run.out == NULL)
        loss += block_loss(&block, &run.rows, &run.sizes, &run.loss, run.bias_c, run.picked, first, run.y, run.weight,
                           run.total, db, &n_correct)
        if run.out != NULL:
            block_gradient(&block, &run.rows, &run.sizes, part, run.ld_part, first > start, False)
        first += n
    if run.out != NULL and p < c:
        run.rows.real.balance(c, d, part, run.ld_part)
    run.loss_parts[k] = loss
    run.correct_parts[k] = n_correct


cdef double _finish_slice(const Pass *run, ptrdiff_t k) noexcept nogil:
    cdef ptrdiff_t d0 = k * SLICE, d = run.sizes.n_features, c = run.sizes.n_classes
    cdef size_t offset = <size_t>d0 * run.rows.real.size
    return run.rows.real.finish_gradient(
        c, min(SLICE, d - d0), run.parts + offset, run.ld_part, run.n_chunks, c * run.ld_part,
        fold_from(&run.fold, offset), run.db_c,
        <const char *>run.w_cd + offset, d, run.l2, run.l1, <char *>run.out + offset, d,
    )


cdef void _fold_weights(const Pass *run, const void *b) noexcept nogil:
    """Weights as the kernel walks them, and the bias less what the shift takes off it."""
    cdef ptrdiff_t c = run.sizes.n_classes, p = run.sizes.n_products, d = run.sizes.n_features, d0 = 0, j
    cdef const void *reference_d = reference_of(&run.rows, &run.sizes, run.w_cd)
    run.rows.real.pack(p, d, 0, d, run.w_cd, reference_d, run.fold, run.w_packed)
    memset(run.db_c, 0, <size_t>c * sizeof(double))
    while run.fold.shift_d != NULL and d0 < d:
        run.rows.real.shift_dot(p, d, d0, min(d, d0 + SLICE), run.w_cd, reference_d, run.fold, run.db_parts)
        for j in range(p):
            run.db_c[j] += run.db_parts[j]
        d0 += SLICE
    write_bias(&run.rows, &run.sizes, b, run.db_c, run.bias_c)


cdef void _cut_into_chunks(Pass *run) noexcept nogil:
    cdef double work = run.n * row_work(run.sizes.n_classes, run.sizes.n_features)
    cdef size_t part_bytes = <size_t>(run.sizes.n_classes * run.ld_part) * run.rows.real.size
    cdef ptrdiff_t height = run.sizes.most_rows, most, n = 1
    most = MOST_CHUNKS
    if part_bytes > 0:
        most = max(<ptrdiff_t>1, min(most, <ptrdiff_t>(ALL_PARTS_BYTES // part_bytes)))
    if part_bytes > SMALL_PART_BYTES:
        most = max(<ptrdiff_t>1, min(most, run.n // LARGE_PART_ROWS))
    run.n_chunks = max(<ptrdiff_t>1, min(most, <ptrdiff_t>(work / CHUNK_WORK)))
    # About as many, but a power of two, as processors are: nine chunks would take eight threads as long as sixteen.
    while 3 * n <= 2 * run.n_chunks:
        n *= 2
    run.n_chunks = min(n, most)
    run.chunk_rows = cuts_of(run.n, run.n_chunks * height) * height
    run.n_chunks = cuts_of(run.n, run.chunk_rows)


cdef double _run(Pass *run, const void *b, int64_t *n_correct) noexcept nogil:
    """Phases (A) to (C): the loss with the penalty. The gradient of the bias is left in db_c."""
    cdef double loss = 0.0, penalty = 0.0
    cdef ptrdiff_t k, j, c = run.sizes.n_classes, d = run.sizes.n_features, n_slices = cuts_of(d, SLICE)
    cdef bint finished
    _fold_weights(run, b)
    if run.n_threads == 1:
        for k in range(run.n_chunks):
            _run_chunk(run, k, 0)
    else:
        with parallel(num_threads=run.n_threads):
            for k in prange(run.n_chunks, schedule="dynamic"):
                _run_chunk(run, k, threadid())
    for j in range(c):
        run.db_c[j] = 0.0
    n_correct[0] = 0
    for k in range(run.n_chunks):
        loss += run.loss_parts[k]
        n_correct[0] += run.correct_parts[k]
        for j in range(c):
            run.db_c[j] += run.db_parts[k * c + j]
    if run.out == NULL:
        return loss + run.rows.real.penalty(c, d, run.w_cd, d, run.l2, run.l1)
    finished = (run.parts == run.out and run.l2 == 0.0 and run.l1 == 0.0
                and run.fold.shift_d == NULL and run.fold.scale_d == NULL)
    if finished:
        return loss
    if run.n_threads == 1 or <size_t>(run.n_chunks * c * run.ld_part) * run.rows.real.size < SHARED_PARTS_BYTES:
        for k in range(n_slices):
            run.penalty_parts[k] = _finish_slice(run, k)
    else:
        with parallel(num_threads=run.n_threads):
            for k in prange(n_slices, schedule="static"):
                run.penalty_parts[k] = _finish_slice(run, k)
    for k in range(n_slices):
        penalty += run.penalty_parts[k]
    return loss + penalty


def loss_gradient(
    cnp.ndarray X not None, cnp.ndarray y not None, cnp.ndarray W not None, cnp.ndarray b, cnp.ndarray rows,
    cnp.ndarray weight, cnp.ndarray shift, cnp.ndarray scale, int kind, int power, double margin, double l2, double l1,
    bint gradient, int n_threads,
):
    """Returns (loss, rows right, rows, dW, db), the last two None unless wanted; `kind` is one of fl_loss_kind."""
    cdef Pass run
    cdef Memory memory = Memory()
    cdef const void *bias = data_of(b)
    cdef double loss
    cdef ptrdiff_t j, c = cnp.PyArray_DIM(W, 0), d
    cdef int64_t n_correct
    cdef int64_t *kept
    cdef int real = cnp.PyArray_TYPE(W)
    cdef cnp.ndarray dW = cnp.PyArray_EMPTY(2, cnp.PyArray_DIMS(W), real, 0) if gradient else None
    cdef cnp.ndarray db = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(W), real, 0) if gradient and b is not None else None
    read_rows(X, &run.rows)
    d = run.rows.n_features
    run.loss = fl_loss(<fl_loss_kind>kind, power, margin)
    run.fold = fl_fold(data_of(shift), data_of(scale))
    centre_rows(&run.rows, &run.fold)
    run.picked = <const int64_t *>data_of(rows)
    run.n = run.rows.n_rows if rows is None else cnp.PyArray_DIM(rows, 0)
    run.y = <const int64_t *>cnp.PyArray_DATA(y)
    run.weight = <const double *>data_of(weight)
    run.w_cd, run.out = cnp.PyArray_DATA(W), data_of(dW)
    run.l2, run.l1 = l2, l1
    if run.weight != NULL:
        kept = <int64_t *>memory.take(<size_t>run.n * sizeof(int64_t))
        run.n = drop_weightless(run.picked, run.n, run.weight, kept)
        run.picked = kept
    run.total = total_weight(run.picked, 0, run.n, run.weight)
    run.sizes = size_block(&run.rows, c, products_of(c),
                           min(_block_rows(&run.rows, c), max(<ptrdiff_t>1, run.n)))
    run.ld_part = 0 if run.out == NULL else gradient_stride(&run.rows)
    if run.n == 0:
        run.n_chunks = run.chunk_rows = 0
    else:
        _cut_into_chunks(&run)
    run.n_threads = n_threads = <int>max(<ptrdiff_t>1, min(<ptrdiff_t>n_threads, run.n_chunks))
    run.w_packed = memory.take(<size_t>run.rows.real.packed_size(c, d) * run.rows.real.size)
    run.bias_c = memory.take(<size_t>run.sizes.padded_classes * run.rows.real.size)
    run.memory = memory.take(<size_t>n_threads * run.sizes.bytes)
    if run.out != NULL and 0 < run.n <= run.sizes.most_rows:
        run.parts, run.ld_part = <char *>run.out, d
    else:
        run.parts = memory.take(<size_t>(run.n_chunks * c * run.ld_part) * run.rows.real.size)
        run.parts += gradient_offset(&run.rows)
    run.loss_parts = <double *>memory.take(<size_t>(run.n_chunks + 1) * 16)
    run.correct_parts = <int64_t *>(run.loss_parts + run.n_chunks + 1)
    run.db_c = <double *>memory.take(<size_t>((run.n_chunks + 2) * c + cuts_of(d, SLICE)) * sizeof(double))
    run.db_parts = run.db_c + c
    run.penalty_parts = run.db_parts + (run.n_chunks + 1) * c
    with nogil:
        loss = _run(&run, bias, &n_correct)
        # Scores may be finite where their differences are not; without a reference they are told apart.
        if run.sizes.n_products < c and not isfinite(loss):
            run.sizes.n_products = c
            loss = _run(&run, bias, &n_correct)
        if db is not None:
            for j in range(c):
                put_real(cnp.PyArray_DATA(db), run.rows.real_type, j, run.db_c[j])
    return loss, n_correct, run.n, dW, db
