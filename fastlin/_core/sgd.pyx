"""Minibatch gradient descent: whole epochs by one team of threads.

A batch takes two phases, each cut into pieces that any thread may take:

(A) pieces of its rows, block by block: scores, losses, their gradient with respect to the scores;
(B) slices of features: penalty and update (momentum, or Adam; the mean of the iterates), then the new weights packed
    for the next batch.

The gradient of the weights is made where it costs least. Small ones ("parts"): in (A), while a block's rows are in
cache, each piece summing its own, and (B) adds up the pieces'. Large ones, many classes: in (B), each slice for all
rows, so that nothing of the weights' size exists twice; a batch too high for that passes panel by panel, and the update
follows the last.

How rows are cut is told in cuts.pyx. Every sum runs in an order that depends on the shape alone, so the bits do not
depend on the thread count.

Standardisation stays folded: the kernels see W * scale, and the bias less what the shift takes off it. That, the
penalty and the packed weights are all renewed slice by slice in (B), so W is passed over once a batch.

A signal whose handler raises ends the epoch between two updates: see fl_team.h.
"""

cimport numpy as cnp
from cython.parallel cimport parallel, threadid
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastlin._core.batches cimport Batches, cut_batches
from fastlin._core.cuts cimport Cut, cut_rows
from fastlin._core.kernels cimport fl_fold, fl_loss, fl_loss_kind, fl_model, fl_report, fl_step
from fastlin._core.rows cimport Block, Memory, Rows, Sizes, block_gradient, block_loss, centre_rows, cuts_of, data_of
from fastlin._core.rows cimport fold_from, gradient_offset, load_features, look_ahead, open_block, point_at, put_real
from fastlin._core.rows cimport read_rows, reference_of, score_block, write_bias
from fastlin._core.step cimport as_model, model_from, step_at
from fastlin._core.team cimport fl_team, fl_team_asked, fl_team_claim, fl_team_first, fl_team_look, fl_team_open
from fastlin._core.team cimport fl_team_wait, omp_get_num_threads

cnp.import_array()


cdef struct Epoch:
    Rows rows
    Sizes sizes
    fl_loss loss
    fl_fold fold
    fl_step step
    fl_model weights            # (C, D)
    fl_model bias               # (1, C); w_cd NULL without bias
    Batches batches
    Cut cut
    const int64_t *block_first  # number of each batch's first block, counted through the epoch
    const int64_t *y
    const double *weight
    ptrdiff_t n_slices
    double n_steps              # taken before, as Adam counts them
    double n_averaged           # weights in the mean before
    fl_report *reports          # of the last batch's step: a slice each, and the bias's
    ptrdiff_t n_done            # steps taken
    char *w_packed
    double *dots                # (n_slices, C): each slice's share of what the shift takes off the bias
    double *penalties           # (n_batches + 1, n_slices): before each batch, and after the last
    char *parts                 # (pieces of a batch, C, ld_part): gradients; NULL where (B) makes them
    char *panel_s               # (panel_rows, padded C), without parts: scores, then their gradient
    char *panel_dw              # (C, D), for batches of several panels
    double *block_db            # (blocks of a batch, C)
    double *block_loss          # of all batches
    int64_t *block_correct
    char *memory
    size_t thread_bytes, bias_offset, slice_offset
    int n_threads


cdef struct SliceMemory:
    const void **x_n
    double *db_c
    char *db_real_c
    char *dw_cd
    char *tile


cdef ptrdiff_t _panels(const Epoch *run, ptrdiff_t k) noexcept nogil:
    return cuts_of(run.batches.first[k + 1] - run.batches.first[k], run.cut.panel_rows)


cdef ptrdiff_t _panel_stop(const Epoch *run, ptrdiff_t k, ptrdiff_t panel) noexcept nogil:
    return min(run.batches.first[k] + (panel + 1) * run.cut.panel_rows, run.batches.first[k + 1])


cdef ptrdiff_t _pieces(const Epoch *run, ptrdiff_t k, ptrdiff_t panel) noexcept nogil:
    cdef ptrdiff_t n = _panel_stop(run, k, panel) - run.batches.first[k] - panel * run.cut.panel_rows
    return cuts_of(n, run.cut.piece_rows)


cdef inline ptrdiff_t _width(const Epoch *run, ptrdiff_t i) noexcept nogil:
    """Features of slice i."""
    return min(run.cut.slice_features, run.sizes.n_features - i * run.cut.slice_features)


cdef ptrdiff_t _after(const Epoch *run, ptrdiff_t k, ptrdiff_t i, ptrdiff_t stop, int thread) noexcept nogil:
    """Where the rows begin that a thread is likely to score after piece i of batch k, which ends at `stop`."""
    if i + 1 != fl_team_first(thread + 1, run.n_threads, _pieces(run, k, 0)) or k + 1 == run.batches.n:
        return stop
    return run.batches.first[k + 1] + run.cut.piece_rows * fl_team_first(thread, run.n_threads, _pieces(run, k + 1, 0))


cdef void _run_piece(
    const Epoch *run, fl_team *team, ptrdiff_t k, ptrdiff_t panel, ptrdiff_t i, int thread
) noexcept nogil:
    """Phase (A): piece i of a panel of batch k."""
    cdef Block block
    cdef char *memory = run.memory + <size_t>thread * run.thread_bytes
    cdef char *bias_c = memory + run.bias_offset
    cdef char *part = NULL
    cdef ptrdiff_t c = run.sizes.n_classes, p = run.sizes.n_products, ld_s = run.sizes.padded_classes, j, slice_, n
    cdef ptrdiff_t in_panel = i * run.cut.piece_rows, in_batch = panel * run.cut.panel_rows + in_panel
    cdef ptrdiff_t start = run.batches.first[k] + in_batch, first = start
    cdef ptrdiff_t stop = min(start + run.cut.piece_rows, _panel_stop(run, k, panel)), number, ahead
    cdef double *db = run.block_db + in_batch // run.sizes.most_rows * c
    open_block(&block, &run.rows, &run.sizes, memory)
    # Until the gradient's sum takes its place, db holds what the slices' shifts take off the bias.
    for j in range(c):
        db[j] = 0.0
        for slice_ in range(run.n_slices if run.fold.shift_d != NULL and j < p else 0):
            db[j] += run.dots[slice_ * c + j]
    write_bias(&run.rows, &run.sizes, run.bias.w_cd, db, bias_c)
    if run.parts != NULL:
        part = run.parts + <size_t>(i * c * run.cut.ld_part) * run.rows.real.size
    while first < stop and not fl_team_asked(team):
        if run.parts == NULL:
            block.s_nc = run.panel_s + <size_t>((in_panel + first - start) * ld_s) * run.rows.real.size
        n = min(run.sizes.most_rows, stop - first)
        if part != NULL:
            ahead = first + n if first + n < stop else _after(run, k, i, stop, thread)
            look_ahead(&block, &run.rows, run.batches.picked, ahead,
                       stop if ahead < stop else run.batches.first[run.batches.n], n)
        score_block(&block, &run.rows, &run.sizes, run.w_packed, run.batches.picked, first, n, False)
        number = run.block_first[k] + (in_batch + first - start) // run.sizes.most_rows
        memset(db, 0, <size_t>c * sizeof(double))
        run.block_correct[number] = 0
        run.block_loss[number] = block_loss(
            &block, &run.rows, &run.sizes, &run.loss, bias_c, run.batches.picked, first, run.y, run.weight,
            run.batches.total[k], db, &run.block_correct[number],
        )
        if part != NULL:
            block_gradient(&block, &run.rows, &run.sizes, part, run.cut.ld_part, first > start, True)
        first += n
        db += c
        fl_team_look(team, thread)


cdef SliceMemory _open_slice(const Epoch *run, int thread) noexcept nogil:
    cdef SliceMemory memory
    cdef char *at = run.memory + <size_t>thread * run.thread_bytes + run.slice_offset
    memory.db_c = <double *>at
    at += run.sizes.padded_classes * 8
    memory.db_real_c = at
    at += run.sizes.padded_classes * 8
    memory.dw_cd = at
    at += run.sizes.n_classes * run.cut.slice_features * 8
    memory.x_n = <const void **>at
    at += run.cut.panel_rows * 8
    memory.tile = at
    return memory


cdef void _prepare_slice(const Epoch *run, ptrdiff_t i) noexcept nogil:
    """What phase (A) of the next batch needs of the weights of slice i."""
    cdef ptrdiff_t d = run.sizes.n_features, c = run.sizes.n_classes, p = run.sizes.n_products
    cdef ptrdiff_t d0 = i * run.cut.slice_features, d1 = d0 + _width(run, i)
    cdef const void *reference_d = reference_of(&run.rows, &run.sizes, run.weights.w_cd)
    run.rows.real.pack(p, d, d0, d1, run.weights.w_cd, reference_d, run.fold, run.w_packed)
    if run.fold.shift_d != NULL:
        run.rows.real.shift_dot(p, d, d0, d1, run.weights.w_cd, reference_d, run.fold, run.dots + i * c)


cdef void _run_slice(const Epoch *run, ptrdiff_t k, ptrdiff_t panel, ptrdiff_t i, int thread) noexcept nogil:
    """Phase (B): slice i of a panel of batch k, and the update after the last panel."""
    cdef ptrdiff_t d = run.sizes.n_features, c = run.sizes.n_classes, p = run.sizes.n_products, j, g
    cdef ptrdiff_t d0 = i * run.cut.slice_features, width = _width(run, i), ld = run.cut.slice_features
    cdef ptrdiff_t first = run.batches.first[k] + panel * run.cut.panel_rows, n = _panel_stop(run, k, panel) - first
    cdef ptrdiff_t n_panels = _panels(run, k), n_blocks = run.block_first[k + 1] - run.block_first[k]
    cdef size_t offset = <size_t>d0 * run.rows.real.size
    cdef SliceMemory memory = _open_slice(run, thread)
    cdef char *dw = memory.dw_cd
    cdef fl_step step
    cdef fl_report *report = NULL
    if run.parts != NULL and _pieces(run, k, panel) == 1:
        dw, ld = run.parts + offset, run.cut.ld_part
    elif run.parts != NULL:
        run.rows.real.sum_parts(p, width, run.parts + offset, run.cut.ld_part, _pieces(run, k, panel),
                                run.cut.group_rows // run.cut.piece_rows, c * run.cut.ld_part, dw, ld)
    else:
        if n_panels > 1:
            dw, ld = run.panel_dw + offset, d
        point_at(&run.rows, run.batches.picked, first, n, memory.x_n)
        load_features(&run.rows, n, d0, d0 + width, memory.x_n, memory.tile)
        run.rows.kernels.gradient(n, p, memory.x_n, run.panel_s, run.sizes.padded_classes, 0, width, dw, ld, panel > 0,
                                  NULL)
        if panel < n_panels - 1:
            return
    if p < c:
        run.rows.real.balance(c, width, dw, ld)
    for j in range(c):
        memory.db_c[j] = 0.0
        for g in range(n_blocks):
            memory.db_c[j] += run.block_db[g * c + j]
    step = step_at(&run.step, run.batches.rates[k], run.n_steps + k, run.n_averaged + k)
    if k == run.batches.n - 1:
        report = run.reports
    run.penalties[(k + 1) * run.n_slices + i] = run.rows.real.update(
        c, width, model_from(&run.weights, offset), dw, ld, fold_from(&run.fold, offset), memory.db_c, &step,
        report if report == NULL else report + i,
    )
    _prepare_slice(run, i)
    if i == 0 and run.bias.w_cd != NULL:
        step.l2 = step.l1 = 0.0
        for j in range(c):
            put_real(memory.db_real_c, run.rows.real_type, j, memory.db_c[j])
        run.rows.real.update(1, c, run.bias, memory.db_real_c, c, run.fold, NULL, &step,
                             report if report == NULL else report + run.n_slices)


cdef void _run_share(Epoch *run, fl_team *team, int thread, int n_threads) noexcept nogil:
    """What one thread does of an epoch; asked to stop, the team leaves the batch whose update has not begun."""
    cdef ptrdiff_t k, panel, i
    for k in range(run.batches.n):
        for panel in range(_panels(run, k)):
            i = fl_team_claim(team, thread, n_threads, _pieces(run, k, panel))
            while i >= 0:
                _run_piece(run, team, k, panel, i, thread)
                i = fl_team_claim(team, thread, n_threads, _pieces(run, k, panel))
            if fl_team_wait(team, thread, n_threads):
                return
            i = fl_team_claim(team, thread, n_threads, run.n_slices)
            while i >= 0:
                _run_slice(run, k, panel, i, thread)
                fl_team_look(team, thread)
                i = fl_team_claim(team, thread, n_threads, run.n_slices)
            if fl_team_wait(team, thread, n_threads) and panel < _panels(run, k) - 1:
                return
        if thread == 0:
            run.n_done = k + 1
        # All read the same: it changes only where all meet.
        if team.stopped:
            return


cdef int _run_epoch(Epoch *run, int n_threads, int may_look) noexcept nogil:
    """Whether it was stopped by a signal whose handler raised; its exception is pending then."""
    cdef fl_team team
    fl_team_open(&team, may_look)
    if n_threads == 1:
        _run_share(run, &team, 0, 1)
    else:
        # OpenMP may give fewer threads than it is asked for.
        with parallel(num_threads=n_threads):
            _run_share(run, &team, threadid(), omp_get_num_threads())
    return fl_team_asked(&team)


cdef int _raise_pending() except -1:
    return -1


cdef int _take_memory(Epoch *run, Memory memory, ptrdiff_t batch_size, int n_threads) except -1:
    cdef ptrdiff_t c = run.sizes.n_classes, d = run.sizes.n_features, k, n_blocks = 0
    cdef int64_t *block_first = <int64_t *>memory.take(<size_t>(run.batches.n + 1) * 8)
    cdef ptrdiff_t height = run.sizes.most_rows, most_pieces = cuts_of(batch_size, run.cut.piece_rows)
    cdef size_t size = run.rows.real.size
    for k in range(run.batches.n):
        block_first[k] = n_blocks
        n_blocks += cuts_of(run.batches.first[k + 1] - run.batches.first[k], height)
    block_first[run.batches.n] = n_blocks
    run.block_first = block_first
    run.w_packed = memory.take(<size_t>run.rows.real.packed_size(run.sizes.n_products, d) * size)
    run.dots = <double *>memory.take(
        <size_t>(run.n_slices * (run.batches.n + c + 4) + 3 + cuts_of(batch_size, height) * c) * sizeof(double)
    )
    run.penalties = run.dots + run.n_slices * c
    run.reports = <fl_report *>(run.penalties + (run.batches.n + 1) * run.n_slices)
    memset(run.reports, 0, <size_t>(run.n_slices + 1) * sizeof(fl_report))
    run.block_db = <double *>(run.reports + run.n_slices + 1)
    run.block_loss = <double *>memory.take(<size_t>n_blocks * 16)
    run.block_correct = <int64_t *>(run.block_loss + n_blocks)
    run.parts = run.panel_s = run.panel_dw = NULL
    if run.cut.ld_part > 0:
        run.parts = memory.take(<size_t>(most_pieces * c * run.cut.ld_part) * size) + gradient_offset(&run.rows)
    else:
        run.panel_s = memory.take(<size_t>(run.cut.panel_rows * run.sizes.padded_classes) * size)
        memset(run.panel_s, 0, <size_t>(run.cut.panel_rows * run.sizes.padded_classes) * size)
        if batch_size > run.cut.panel_rows:
            run.panel_dw = memory.take(<size_t>(c * d) * size)
    run.bias_offset = run.sizes.bytes
    run.slice_offset = run.bias_offset + (<size_t>run.sizes.padded_classes * 8 + 63) // 64 * 64
    run.thread_bytes = run.slice_offset + <size_t>(run.sizes.padded_classes * 16 + c * run.cut.slice_features * 8 + 64)
    if run.parts == NULL:
        run.thread_bytes += <size_t>(run.cut.panel_rows * (8 + run.cut.slice_features * 8 if run.rows.tiled else 8))
    run.thread_bytes = (run.thread_bytes + 63) // 64 * 64
    run.memory = memory.take(<size_t>n_threads * run.thread_bytes)
    return 0


def epoch(
    cnp.ndarray X not None, cnp.ndarray y not None, tuple weights not None, tuple bias, cnp.ndarray order,
    ptrdiff_t batch_size, cnp.ndarray rates not None, double momentum, bint nesterov, double beta2, double epsilon,
    double n_steps, double n_averaged, double l2, double l1, int kind, int power, double margin, cnp.ndarray weight,
    cnp.ndarray shift, cnp.ndarray scale, int n_threads, bint may_look, cnp.ndarray report not None,
    cnp.ndarray losses,
):
    """Train in place what `step.as_model` takes; returns (sum of weight * loss, weight, rows right, rows).

    report (5,): OUT, after Ctrl-C too, how many steps were taken, the sums of squares of `fl_report` of the last, and
    the penalty of the weights after it.
    losses (n_batches,): OUT, in the same way, each batch's loss with the penalty; untouched where no step was taken.
    """
    cdef Epoch run
    cdef Memory memory = Memory()
    cdef ptrdiff_t c = cnp.PyArray_DIM(weights[0], 0), d, k, i, n_pieces, n_correct = 0
    cdef double sum_loss = 0.0, sum_weight = 0.0, penalty = 0.0, of_batch
    cdef double *told = <double *>cnp.PyArray_DATA(report)
    cdef size_t offset
    cdef int stopped
    read_rows(X, &run.rows)
    d = run.rows.n_features
    run.loss = fl_loss(<fl_loss_kind>kind, power, margin)
    run.fold = fl_fold(data_of(shift), data_of(scale))
    centre_rows(&run.rows, &run.fold)
    run.step = fl_step(0.0, momentum, l2, l1, beta2, epsilon, 0.0, 0.0, 0.0, nesterov)
    run.y = <const int64_t *>cnp.PyArray_DATA(y)
    run.weight = <const double *>data_of(weight)
    run.weights, run.bias = as_model(weights, d), as_model(bias, c)
    run.n_steps, run.n_averaged, run.n_done = n_steps, n_averaged, 0
    run.sizes = cut_rows(&run.cut, &run.rows, c, batch_size, n_threads)
    run.n_slices = cuts_of(d, run.cut.slice_features)
    n_pieces = max(cuts_of(batch_size, run.cut.piece_rows), run.n_slices)
    run.n_threads = n_threads = <int>min(<ptrdiff_t>n_threads, n_pieces)
    cut_batches(&run.batches, memory, order, run.rows.n_rows, run.weight, batch_size,
                <const double *>cnp.PyArray_DATA(rates))
    _take_memory(&run, memory, batch_size, n_threads)
    with nogil:
        for i in range(run.n_slices):
            _prepare_slice(&run, i)
            offset = <size_t>(i * run.cut.slice_features) * run.rows.real.size
            run.penalties[i] = run.rows.real.penalty(
                c, _width(&run, i), model_from(&run.weights, offset).w_cd, d, l2, l1
            )
        stopped = _run_epoch(&run, n_threads, may_look)
    told[0] = run.n_done
    # Of a batch that was not reached there is nothing to tell.
    told[1] = told[2] = told[3] = 0.0 if 0 < run.n_done == run.batches.n else NAN
    for i in range(run.n_slices + 1):
        told[1] += run.reports[i].gradient
        told[2] += run.reports[i].update
        told[3] += run.reports[i].weight
    for i in range(run.n_slices):
        penalty += run.penalties[run.n_done * run.n_slices + i]
    told[4] = penalty
    for k in range(run.n_done):
        of_batch = 0.0
        for i in range(run.block_first[k], run.block_first[k + 1]):
            of_batch += run.block_loss[i]
            n_correct += run.block_correct[i]
        for i in range(run.n_slices):
            of_batch += run.penalties[k * run.n_slices + i]
        sum_loss += run.batches.total[k] * of_batch
        sum_weight += run.batches.total[k]
        if losses is not None:
            (<double *>cnp.PyArray_DATA(losses))[run.batches.number[k]] = of_batch
    if stopped:
        _raise_pending()
    return sum_loss, sum_weight, n_correct, run.batches.first[run.batches.n]
