"""Images to visual-word features: pixels, patches, whitening, products with words, pooling, one image a thread.

An image's plane of pixels, the whitened patches of a chunk of its positions, and its pooled sums are all the memory
there is; nothing of the size of positions x words. Positions come in an order in which those pooled together lie
together (`fastlin.features._pooling`), in chunks that stay in the second-level cache while the words pass. Each image
is computed in the same way whatever the thread or the batch it is in.
"""

cimport numpy as cnp
from cython.parallel cimport parallel, prange, threadid
from libc.stdint cimport int64_t
from libc.string cimport memset

from fastlin._core.kernels cimport FL_SCRATCH_BYTES, fl_fold, fl_kernels, fl_pooling, fl_real, fl_run, fl_storage
from fastlin._core.kernels cimport fl_word_products, fl_words, kernels, word_products
from fastlin._core.rows cimport Memory, cuts_of

cnp.import_array()

# Positions that are whitened at once: their patches and scratch fit the first-level cache.
cdef enum:
    BLOCK = 24
# Positions whose dots with all words are kept for the triangle and the nearest word: whole tiles of 6 and of 16. A word
# is read from the second level once for so many.
cdef enum:
    DOTS = 48
# Floats that a whole vector may read or write behind a row.
cdef enum:
    BEHIND = 16

cdef enum Encoding:
    SOFT, TRIANGLE, HARD


cdef struct Plan:
    const fl_kernels *kernels
    const fl_word_products *products
    fl_words words
    fl_pooling pooling
    Encoding encoding
    float threshold, scale, eps
    int is_u8
    const char *images
    ptrdiff_t pixels, image_bytes, ld_plane, patch_rows, d, n_components, n_regions
    const int64_t *offset
    const int64_t *chunk_start      # positions
    const fl_run *runs
    const int64_t *run_start        # of a chunk
    ptrdiff_t first_chunk, last_chunk, most_positions
    int finish
    const void *whitening           # packed
    const float *ones               # its product with ones
    const float *bias
    const float *packed
    const float *norm_w
    float *carried                  # the sums of each image, where they are kept from call to call
    size_t sums_size
    float *features
    ptrdiff_t n_features
    char *memory
    size_t thread_bytes


# What a thread needs, in floats.
cdef struct Layout:
    size_t plane, x, mean, factor, norm, white, scratch, rows, dots, sums, total


cdef inline size_t _line(size_t n) noexcept nogil:
    return (n + 15) // 16 * 16


cdef Layout _layout(const Plan *plan) noexcept nogil:
    cdef Layout at
    cdef size_t cells = <size_t>plan.products.cells(&plan.words)
    at.plane = 0
    at.x = at.plane + _line(plan.pixels + BEHIND)
    at.mean = at.x + _line(BLOCK * (plan.d + BEHIND))
    at.factor = at.mean + _line(BLOCK)
    at.norm = at.factor + _line(BLOCK)
    at.white = at.norm + _line(plan.most_positions + BLOCK)
    at.scratch = at.white + _line(BLOCK * plan.n_components)
    at.rows = at.scratch + _line(FL_SCRATCH_BYTES(BLOCK) // 4)
    at.dots = at.rows + _line((plan.most_positions + plan.products.rows) * cells)
    at.sums = at.dots + (
        0 if plan.encoding == Encoding.SOFT else _line(DOTS * plan.pooling.mirrors * plan.words.padded)
    )
    at.total = at.sums + (_line(plan.sums_size) if plan.carried == NULL else 0)
    return at


cdef void _whiten_chunk(const Plan *plan, const Layout *at, float *memory, ptrdiff_t chunk) noexcept nogil:
    """rows, norm = the whitened patches of a chunk, as the products read them, and their squared lengths."""
    cdef ptrdiff_t first = plan.chunk_start[chunk], n_all = plan.chunk_start[chunk + 1] - first, p, n, i, k
    cdef ptrdiff_t cells = plan.products.cells(&plan.words)
    cdef const void *x_n[BLOCK]
    cdef float *white
    for i in range(BLOCK):
        x_n[i] = memory + at.x + i * (plan.d + BEHIND)
    for k in range(cuts_of(n_all, BLOCK)):
        p = k * BLOCK
        n = min(<ptrdiff_t>BLOCK, n_all - p)
        # Where rows are read as they are, they are whitened in place.
        white = memory + at.rows + p * cells if plan.products.load == NULL else memory + at.white
        plan.kernels.patches.patches(n, memory + at.plane, plan.ld_plane, plan.offset + first + p, plan.patch_rows,
                                     plan.d, plan.eps, memory + at.x, plan.d + BEHIND, memory + at.mean,
                                     memory + at.factor)
        plan.kernels.rows[<int>fl_storage.FL_F32].scores(n, plan.d, plan.n_components, x_n, plan.whitening, white,
                                                         plan.n_components, memory + at.scratch, NULL)
        plan.kernels.patches.contrast(n, plan.n_components, white, plan.n_components, memory + at.mean,
                                      memory + at.factor, plan.ones, plan.bias, memory + at.norm + p)
        if plan.products.load != NULL:
            plan.products.load(&plan.words, n, white, plan.n_components, memory + at.rows + p * cells)


cdef void _pool_by_distance(const Plan *plan, const Layout *at, float *memory, ptrdiff_t chunk,
                            float *sums) noexcept nogil:
    """sums += triangle, or count of nearest words, of a chunk's positions."""
    cdef ptrdiff_t n_all = plan.chunk_start[chunk + 1] - plan.chunk_start[chunk], p, i, n, k
    cdef ptrdiff_t cells = plan.products.cells(&plan.words), size = plan.pooling.mirrors * plan.words.padded
    cdef const fl_run *run = plan.runs + plan.run_start[chunk]
    cdef float *dots
    cdef float *of_region
    for k in range(cuts_of(n_all, DOTS)):
        p = k * DOTS
        n = min(<ptrdiff_t>DOTS, n_all - p)
        plan.products.dots(&plan.words, n, memory + at.rows + p * cells, plan.packed, memory + at.dots)
        for i in range(n):
            while p + i >= run.first + run.n:
                run += 1
            dots = memory + at.dots + i * size
            of_region = sums + run.region * size
            if plan.encoding == Encoding.TRIANGLE:
                plan.kernels.patches.triangle(&plan.words, plan.norm_w, memory[at.norm + p + i], dots, of_region)
            else:
                of_region[plan.kernels.patches.nearest(&plan.words, plan.norm_w, dots)] += 1.0


cdef void _encode_image(const Plan *plan, const Layout *at, ptrdiff_t i, int thread) noexcept nogil:
    cdef float *memory = <float *>(plan.memory + <size_t>thread * plan.thread_bytes)
    cdef float *sums = memory + at.sums
    cdef ptrdiff_t chunk
    if plan.carried == NULL:
        memset(sums, 0, plan.sums_size * sizeof(float))
    else:
        sums = plan.carried + <size_t>i * plan.sums_size
    plan.kernels.patches.pixels(plan.pixels, plan.images + i * plan.image_bytes, plan.is_u8, plan.scale,
                                memory + at.plane)
    for chunk in range(plan.first_chunk, plan.last_chunk):
        _whiten_chunk(plan, at, memory, chunk)
        if plan.encoding == Encoding.SOFT:
            plan.products.soft(&plan.words, plan.run_start[chunk + 1] - plan.run_start[chunk],
                               plan.runs + plan.run_start[chunk], memory + at.rows, plan.packed, plan.threshold, sums)
        else:
            _pool_by_distance(plan, at, memory, chunk, sums)
    if plan.finish:
        plan.kernels.patches.pool(&plan.words, &plan.pooling, sums, plan.features + i * plan.n_features)


cdef float *_pack_words(Memory memory, const fl_word_products *products, fl_words *words,
                        const float *words_nd) except NULL:
    """Packed words; tells `words` how many they are with their padding."""
    cdef ptrdiff_t width = products.panel(words)
    cdef float *packed
    words.padded = (words.n_words + width - 1) // width * width
    packed = <float *>memory.take(<size_t>(words.padded * products.cells(words)) * sizeof(float))
    products.pack(words, words_nd, packed)
    return packed


cdef float *_norms(Memory memory, const fl_words *words, const float *words_nd, float padding) except NULL:
    """Squared lengths of the words, padded."""
    cdef ptrdiff_t w, i, d = words.even + words.odd
    cdef double norm
    cdef float *norm_w = <float *>memory.take(<size_t>words.padded * sizeof(float))
    for w in range(words.padded):
        norm = 0.0
        if w < words.n_words:
            for i in range(d):
                norm += <double>words_nd[w * d + i] * words_nd[w * d + i]
        norm_w[w] = <float>norm if w < words.n_words else padding
    return norm_w


def padded_words(str products, ptrdiff_t n_words, ptrdiff_t even, ptrdiff_t odd):
    """How many numbers a map of the sums takes."""
    cdef fl_words words = fl_words(n_words, n_words, even, odd)
    cdef ptrdiff_t width = word_products(products).panel(&words)
    return (n_words + width - 1) // width * width


def encode(cnp.ndarray images not None, float scale, geometry, model, str products, cnp.ndarray out not None,
           ptrdiff_t first_chunk, ptrdiff_t last_chunk, cnp.ndarray carried, int n_threads):
    """out (N, F) float32 = features of images (N, H, W, channels), uint8 or float32, contiguous.

    Only the chunks [first_chunk, last_chunk) of each image; the sums of the earlier ones are in `carried` (N, sums),
    those of a new image zero; None where there is but one call. `out` is written after the last chunk.
    """
    cdef Plan plan
    cdef Layout at
    cdef Memory memory = Memory()
    cdef fl_fold unfolded = fl_fold(NULL, NULL)
    cdef ptrdiff_t i, n = cnp.PyArray_DIM(images, 0)
    cdef cnp.ndarray offset = geometry.offset, chunk_start = geometry.chunk_start
    cdef cnp.ndarray runs = geometry.runs, run_start = geometry.run_start
    cdef cnp.ndarray first_y = geometry.first_y, last_y = geometry.last_y
    cdef cnp.ndarray first_x = geometry.first_x, last_x = geometry.last_x
    cdef cnp.ndarray whitening = model.whitening, ones = model.ones, bias = model.bias, words = model.words
    cdef char *packed_whitening
    if n == 0:
        return
    plan.kernels = kernels()
    plan.products = word_products(products)
    plan.words = fl_words(cnp.PyArray_DIM(words, 0), 0, model.even, model.odd)
    plan.encoding = {"soft": Encoding.SOFT, "triangle": Encoding.TRIANGLE, "hard": Encoding.HARD}[model.encoding]
    plan.threshold, plan.scale, plan.eps = model.threshold, scale, model.contrast_eps
    plan.is_u8 = images.descr.type == b"B"
    plan.images = cnp.PyArray_BYTES(images)
    plan.image_bytes = cnp.PyArray_STRIDE(images, 0)
    plan.pixels = cnp.PyArray_DIM(images, 1) * cnp.PyArray_DIM(images, 2) * cnp.PyArray_DIM(images, 3)
    plan.ld_plane = cnp.PyArray_DIM(images, 2) * cnp.PyArray_DIM(images, 3)
    plan.patch_rows = model.patch_size
    plan.n_components, plan.d = cnp.PyArray_DIM(whitening, 0), cnp.PyArray_DIM(whitening, 1)
    plan.offset = <const int64_t *>cnp.PyArray_DATA(offset)
    plan.chunk_start = <const int64_t *>cnp.PyArray_DATA(chunk_start)
    plan.runs = <const fl_run *>cnp.PyArray_DATA(runs)
    plan.run_start = <const int64_t *>cnp.PyArray_DATA(run_start)
    plan.first_chunk, plan.last_chunk = first_chunk, last_chunk
    plan.finish = last_chunk == cnp.PyArray_DIM(chunk_start, 0) - 1
    plan.most_positions = geometry.most_positions
    plan.n_regions = geometry.n_regions
    plan.pooling = fl_pooling(
        cnp.PyArray_DIM(first_y, 0), cnp.PyArray_DIM(first_x, 0), geometry.regions_x,
        <const int64_t *>cnp.PyArray_DATA(first_y), <const int64_t *>cnp.PyArray_DATA(last_y),
        <const int64_t *>cnp.PyArray_DATA(first_x), <const int64_t *>cnp.PyArray_DATA(last_x),
        2 if model.odd else 1, 2 if plan.encoding == Encoding.SOFT else 1, model.join, model.power,
    )
    plan.packed = _pack_words(memory, plan.products, &plan.words, <const float *>cnp.PyArray_DATA(words))
    plan.norm_w = _norms(memory, &plan.words, <const float *>cnp.PyArray_DATA(words),
                         <float>float("inf") if plan.encoding == Encoding.HARD else <float>0.0)
    packed_whitening = memory.take(
        <size_t>plan.kernels.real[<int>fl_real.FL_REAL32].packed_size(plan.n_components, plan.d) * sizeof(float))
    plan.kernels.real[<int>fl_real.FL_REAL32].pack(plan.n_components, plan.d, 0, plan.d, cnp.PyArray_DATA(whitening),
                                                   NULL, unfolded, packed_whitening)
    plan.whitening = packed_whitening
    plan.ones = <const float *>cnp.PyArray_DATA(ones)
    plan.bias = <const float *>cnp.PyArray_DATA(bias)
    plan.sums_size = <size_t>(plan.n_regions * plan.pooling.mirrors * plan.pooling.signs * plan.words.padded)
    plan.carried = NULL if carried is None else <float *>cnp.PyArray_DATA(carried)
    plan.features = <float *>cnp.PyArray_DATA(out)
    plan.n_features = cnp.PyArray_DIM(out, 1)
    at = _layout(&plan)
    plan.thread_bytes = at.total * sizeof(float)
    n_threads = <int>min(<ptrdiff_t>n_threads, n)
    plan.memory = memory.take(<size_t>n_threads * plan.thread_bytes)
    # Tiles read whole: what lies behind the last row is multiplied too, and thrown away.
    memset(plan.memory, 0, <size_t>n_threads * plan.thread_bytes)
    if n_threads == 1:
        with nogil:
            for i in range(n):
                _encode_image(&plan, &at, i, 0)
    else:
        with nogil, parallel(num_threads=n_threads):
            for i in prange(n, schedule="dynamic"):
                _encode_image(&plan, &at, i, threadid())


cdef struct Assignment:
    const fl_kernels *kernels
    const fl_word_products *products
    fl_words words
    const float *rows
    const float *packed
    const float *norm_w
    float *dots
    size_t dots_size
    int64_t *nearest


cdef void _assign_block(const Assignment *run, ptrdiff_t first, ptrdiff_t n, int thread) noexcept nogil:
    cdef ptrdiff_t i, place, padded = run.words.padded, mirrors = 2 if run.words.odd else 1
    cdef float *dots = run.dots + <size_t>thread * run.dots_size
    run.products.dots(&run.words, n, run.rows + first * (run.words.even + run.words.odd), run.packed, dots)
    for i in range(n):
        place = run.kernels.patches.nearest(&run.words, run.norm_w, dots + i * mirrors * padded)
        # Places count the padding; numbers of words do not.
        run.nearest[first + i] = place if place < padded else place - padded + run.words.n_words


def assign(cnp.ndarray rows not None, cnp.ndarray words not None, ptrdiff_t odd, cnp.ndarray out not None,
           int n_threads):
    """out (N,) int64 = number of the nearest of words (K, D) to each of rows (N, D), the first of equals; float32.

    With the last `odd` components odd under mirroring, the mirror image of word k has number K + k.
    """
    cdef Assignment run
    cdef Memory memory = Memory()
    cdef ptrdiff_t n = cnp.PyArray_DIM(rows, 0), n_blocks = cuts_of(n, DOTS), k
    run.kernels = kernels()
    run.products = &run.kernels.words
    run.words = fl_words(cnp.PyArray_DIM(words, 0), 0, cnp.PyArray_DIM(words, 1) - odd, odd)
    run.rows = <const float *>cnp.PyArray_DATA(rows)
    run.packed = _pack_words(memory, run.products, &run.words, <const float *>cnp.PyArray_DATA(words))
    run.norm_w = _norms(memory, &run.words, <const float *>cnp.PyArray_DATA(words), <float>float("inf"))
    run.dots_size = <size_t>(DOTS * (2 if odd else 1) * run.words.padded)
    run.dots = <float *>memory.take(<size_t>n_threads * run.dots_size * sizeof(float))
    run.nearest = <int64_t *>cnp.PyArray_DATA(out)
    for k in prange(n_blocks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        _assign_block(&run, k * DOTS, min(<ptrdiff_t>DOTS, n - k * DOTS), threadid())
