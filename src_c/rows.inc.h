/* Template: the kernels that read rows, for one storage type at one level.
 *
 * Needs X (storage type), X_LOAD(p), X_LOAD_N(p, n) (a vector, or its first n lanes, as `real`), REAL, V (vector type),
 * VW(word) (that type's SIMD words), LANES, WIDE (vectors of double that hold one of V), NAME(kernel).
 *
 * Plan. Both products of a block of rows are sums of products over a long axis: scores over features, gradient over
 * rows. Each keeps a tile of accumulators in registers, and one axis of the tile in the lanes of vectors; the storage
 * type is widened in the load. Registers: 32 with AVX-512, else 16.
 *
 * scores_few   Up to FL_FEW classes, no multiple of a vector: lanes are features. FL_ROW_TILE rows x the classes of a
 *              group: a step of one vector of features loads a vector of each row and of each class's weights, for
 *              rows x classes multiply-adds. 2 x 12 sums + 2 rows + 1 weight = 27 registers, 4 x 5 + 4 + 1 = 25 and
 *              8 x 2 + 8 + 1 = 25 where classes are few; 2 x 5 + 2 + 1 = 13 of 16. Weights come packed in just this
 *              order, so they are one stream; features are cut into strips whose weights stay in the first-level cache
 *              while all rows of the block pass. Between strips sums rest in `scratch`, so that rounding errors grow
 *              with the strip's length, not the row's; lanes are added up once, at the end.
 * scores_many  More classes waste little of their last vector: lanes are classes, and need no adding up. FL_PANEL_ROWS
 *              rows x a panel of up to 3 vectors of classes: a step of one feature loads the panel's weights and
 *              broadcasts a number of each row. 8 x 3 sums + 3 weights + 1 = 28 registers; 4 x 3 + 3 + 1 = 16 of 16. A
 *              strip of the block's rows is widened once into `scratch`, and a panel's strip of weights stays in the
 *              first-level cache while the rows pass.
 * gradient     Lanes are features: a group's classes x FL_VECTOR_TILE vectors, the rows of the block streaming by.
 *              12 x 2 sums + 2 rows + 1 coefficient = 27 registers, 5 x 4 + 4 + 1 = 25 and 2 x 8 + 8 + 1 = 25 where
 *              classes are few; 5 x 2 + 2 + 1 = 13 of 16. A coefficient is broadcast once for all vectors. Of several
 *              groups each first gathers its coefficients, which lie rows apart.
 *
 *              Where registers are few (FL_STRIPE) and several groups pass over rows that lie a bad distance apart, or
 *              are to be widened, the first group leaves a copy of what it read, widened, in the first-level cache. At
 *              the baseline, whose multiplication and addition need a register more, the copy is made before it.
 *
 * Memory. A block's rows lie anywhere, and strips are too short for the hardware to see a stream in them; so each strip
 * of scores_few asks for the next one's lines, the last strip or the gradient, which finds its own rows in cache, for
 * the first strip of the rows to come (`next_n`). Then both phases run as fast from memory as from cache. (Asking for
 * whole rows in the gradient is slower: half of the time memory would rest.) With one or two classes memory is the
 * limit, and both ask: the last strip of the scores for one half of a row, the gradient, at half the pace, for the
 * other.
 * Processors fetch lines in pairs: so the gradient's tiles begin at a pair of lines (`to_line`).
 *
 * The order of every sum depends on the shape and the level only, never on the block a row is in or on threads.
 */

#ifndef FL_STRIP_BYTES
/* A strip of scores_few: 18 KiB of weights, of the smallest first-level cache (32 KiB), the rest is for rows (768 x 100
 * gains 3 % over 16 KiB; with 20 KiB, AVX2 loses 5 % on rows of 3072); and at most 128 additions one after the other, for
 * the sake of float's 24 bits. */
#define FL_STRIP_BYTES 18432
#define FL_STRIP_STEPS 128
/* A strip of scores_many: as many additions; 128 x 3 vectors of 64 bytes are 24 KiB of weights. A block's strip, 128
 * numbers a row, fits FL_SCRATCH_BYTES. */
#define FL_PANEL_STRIP 128
/* Where a step is a small part of a line, asking for memory costs more than it brings. */
#define FL_ASKS (FL_VECTOR_BYTES > 16 && LANES * sizeof(X) >= 16)
#define FL_COPIES_FIRST (FL_VECTOR_BYTES == 16)
/* Features for each that the gradient asks for; more where the scores ask too (BOUND_BY_MEMORY of rows.pxd). */
#define FL_ASK_PACE(classes) ((classes) > 2 ? 1 : 2)
#endif

FL_INLINE void NAME(scores_tile)(const int rows, const int classes, const X *const *x_n, const X *const *ask_n,
                                 ptrdiff_t d_ask, ptrdiff_t d0, ptrdiff_t d1, const REAL *w, REAL *resting,
                                 ptrdiff_t ld_rest, int first, int last, REAL *s_nc, ptrdiff_t ld_s) {
    V sum[8][12];
    const X *x[8], *ask[8];
    FL_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = x_n[r];
        /* The last line of a vector: the first is the last of the vector before. */
        ask[r] = ask_n[r] + d_ask + LANES - 1;
        FL_UNROLL for (int c = 0; c < classes; c++) sum[r][c] = VW(set1)(0);
    }
    ptrdiff_t d = d0;
    for (; d + LANES <= d1; d += LANES, w += classes * LANES) {
        V x_v[8];
        FL_UNROLL for (int r = 0; r < rows; r++) {
            x_v[r] = X_LOAD(x[r] + d);
            if (FL_ASKS) FL_PREFETCH(ask[r] + d);
        }
        FL_UNROLL for (int c = 0; c < classes; c++) {
            V w_v = VW(load)(w + c * LANES);
            FL_KEEP(w_v);
            FL_UNROLL for (int r = 0; r < rows; r++) sum[r][c] = VW(fma)(x_v[r], w_v, sum[r][c]);
        }
    }
    if (d < d1) {
        FL_UNROLL for (int r = 0; r < rows; r++) {
            const V x_v = X_LOAD_N(x[r] + d, d1 - d);
            FL_UNROLL for (int c = 0; c < classes; c++)
                sum[r][c] = VW(fma)(x_v, VW(load)(w + c * LANES), sum[r][c]);
        }
    }
    FL_UNROLL for (int r = 0; r < rows; r++) {
        FL_UNROLL for (int c = 0; c < classes; c++) {
            REAL *rest = resting + r * ld_rest + c * LANES;
            if (!first) sum[r][c] = VW(load)(rest) + sum[r][c];
            if (!last) VW(store)(rest, sum[r][c]);
        }
        if (!last) continue;
        FL_UNROLL for (int c = 0; c < classes; c += LANES) {
            const int count = classes - c < (int)LANES ? classes - c : (int)LANES;
            VW(store_n)(s_nc + r * ld_s + c, VW(sums)(count, sum[r] + c), count);
        }
    }
}

/* Features of a strip of scores_few: strips are of equal length, in whole vectors. */
FL_INLINE ptrdiff_t NAME(strip)(ptrdiff_t d, ptrdiff_t classes) {
    const ptrdiff_t in_cache = FL_STRIP_BYTES / (classes * LANES * (ptrdiff_t)sizeof(REAL));
    const ptrdiff_t most = in_cache < FL_STRIP_STEPS ? in_cache : FL_STRIP_STEPS, steps = fl_whole(d, LANES) / LANES;
    const ptrdiff_t strips = (steps + most - 1) / most;
    return (steps + strips - 1) / strips * LANES;
}

static void NAME(scores_few)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed,
                             void *s_nc, ptrdiff_t ld_s, void *scratch, const void *const *next_n) {
    const X *const *x = (const X *const *)x_n, *const *next = (const X *const *)(next_n ? next_n : x_n);
    const ptrdiff_t d_padded = fl_whole(d, LANES), groups = fl_cut_count(c, FL_GROUP);
    const ptrdiff_t strip = NAME(strip)(d, fl_cut_start(c, FL_GROUP, 1));
    /* Two groups pass over a strip together, while it is near, where the sums of both find room to rest. */
    const ptrdiff_t of_group = FL_GROUP * LANES;
    const ptrdiff_t together = groups == 2 && 2 * of_group * sizeof(REAL) <= FL_SCRATCH_BYTES(1) ? 2 : 1;
    const ptrdiff_t ld_rest = together * of_group;
    for (ptrdiff_t g0 = 0; g0 < groups; g0 += together)
        for (ptrdiff_t d0 = 0; d0 < d; d0 += strip)
            for (ptrdiff_t g = g0; g < g0 + together; g++) {
                const ptrdiff_t c0 = fl_cut_start(c, FL_GROUP, g), classes = fl_cut_start(c, FL_GROUP, g + 1) - c0;
                const ptrdiff_t d1 = d0 + strip < d ? d0 + strip : d;
                const int first = d0 == 0, last = d1 == d;
                const REAL *w = (const REAL *)w_packed + c0 * d_padded + d0 * classes;
                REAL *resting = (REAL *)scratch + (g - g0) * of_group;
                const X *const *ask = last ? next : x;
                const ptrdiff_t d_ask = !last ? d1 - d0 : next_n ? -d0 : 0;
                ptrdiff_t r = 0;
#define FL_SCORES(k, rows)                                                                                             \
    for (; r + (rows) <= n; r += (rows))                                                                               \
        NAME(scores_tile)                                                                                              \
        (rows, k, x + r, ask + r, d_ask, d0, d1, w, resting + r * ld_rest, ld_rest, first, last,                       \
         (REAL *)s_nc + r * ld_s + c0, ld_s)
#define FL_SCORES_TILES(k)                                                                                             \
    FL_SCORES(k, FL_ROW_TILE(k));                                                                                      \
    if (FL_ROW_TILE(k) > 4) FL_SCORES(k, 4);                                                                           \
    FL_SCORES(k, 1)
                FL_FOR_CLASSES(classes, FL_SCORES_TILES)
#undef FL_SCORES_TILES
#undef FL_SCORES
            }
}

FL_INLINE void NAME(panel_tile)(const int rows, const int vectors, const REAL *x_nd, ptrdiff_t ld_x, ptrdiff_t strip,
                                const REAL *w, int first, ptrdiff_t classes, REAL *s_nc, ptrdiff_t ld_s) {
    V sum[8][3];
    FL_UNROLL for (int r = 0; r < rows; r++)
        FL_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = VW(set1)(0);
    for (ptrdiff_t d = 0; d < strip; d++, w += vectors * LANES) {
        V w_v[3];
        FL_UNROLL for (int v = 0; v < vectors; v++) w_v[v] = VW(load)(w + v * LANES);
        FL_UNROLL for (int r = 0; r < rows; r++) {
            const V x_v = VW(set1)(x_nd[r * ld_x + d]);
            FL_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = VW(fma)(x_v, w_v[v], sum[r][v]);
        }
    }
    FL_UNROLL for (int r = 0; r < rows; r++) {
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            REAL *s = s_nc + r * ld_s + v * LANES;
            const ptrdiff_t width = classes - v * LANES;
            if (width >= LANES)
                VW(store)(s, first ? sum[r][v] : VW(load)(s) + sum[r][v]);
            else /* the padding stays zero */
                VW(store_n)(s, first ? sum[r][v] : VW(load_n)(s, width) + sum[r][v], width);
        }
    }
}

static void NAME(scores_many)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed,
                              void *s_nc, ptrdiff_t ld_s, void *scratch) {
    const X *const *x = (const X *const *)x_n;
    REAL *x_strip = (REAL *)scratch;
    const ptrdiff_t vectors_of_all = fl_whole(c, LANES) / LANES;
    for (ptrdiff_t d0 = 0; d0 < d; d0 += FL_PANEL_STRIP) {
        const ptrdiff_t strip = d - d0 < FL_PANEL_STRIP ? d - d0 : FL_PANEL_STRIP;
        for (ptrdiff_t r = 0; r < n; r++) {
            REAL *to = x_strip + r * FL_PANEL_STRIP;
            ptrdiff_t i = 0;
            for (; i + LANES <= strip; i += LANES) VW(store)(to + i, X_LOAD(x[r] + d0 + i));
            if (i < strip) VW(store_n)(to + i, X_LOAD_N(x[r] + d0 + i, strip - i), strip - i);
        }
        for (ptrdiff_t p = 0; p < fl_cut_count(vectors_of_all, FL_PANEL); p++) {
            const ptrdiff_t v0 = fl_cut_start(vectors_of_all, FL_PANEL, p), c0 = v0 * LANES;
            const ptrdiff_t vectors = fl_cut_start(vectors_of_all, FL_PANEL, p + 1) - v0;
            const REAL *w = (const REAL *)w_packed + c0 * d + d0 * vectors * LANES;
            ptrdiff_t r = 0;
#define FL_ROWS_OF_PANEL(rows, k)                                                                                      \
    for (; r + (rows) <= n; r += (rows))                                                                               \
        NAME(panel_tile)                                                                                               \
        (rows, k, x_strip + r * FL_PANEL_STRIP, FL_PANEL_STRIP, strip, w, d0 == 0, c - c0,                             \
         (REAL *)s_nc + r * ld_s + c0, ld_s)
#define FL_PANEL_TILES(k)                                                                                              \
    FL_ROWS_OF_PANEL(FL_PANEL_ROWS, k);                                                                                \
    FL_ROWS_OF_PANEL(4, k);                                                                                            \
    FL_ROWS_OF_PANEL(1, k)
            switch (vectors) {
            case 1: FL_PANEL_TILES(1); break;
            case 2: FL_PANEL_TILES(2); break;
            case 3: FL_PANEL_TILES(3); break;
            }
#undef FL_PANEL_TILES
#undef FL_ROWS_OF_PANEL
        }
    }
}

static void NAME(scores)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed,
                         void *s_nc, ptrdiff_t ld_s, void *scratch, const void *const *next_n) {
    if (c > FL_FEW)
        NAME(scores_many)(n, d, c, x_n, w_packed, s_nc, ld_s, scratch);
    else
        NAME(scores_few)(n, d, c, x_n, w_packed, s_nc, ld_s, scratch, next_n);
}

FL_INLINE void NAME(gradient_tile)(const int classes, const int vectors, ptrdiff_t width, ptrdiff_t n,
                                   const X *const *x_n, ptrdiff_t d, const REAL *g_nc, ptrdiff_t ld_g, REAL *dw_cd,
                                   ptrdiff_t ld_dw, int accumulate, const X *const *next_n, ptrdiff_t d_next,
                                   const int pace, REAL *copied, const int taken) {
    V sum[12][8];
    FL_UNROLL for (int c = 0; c < classes; c++) FL_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = VW(set1)(0);
    for (ptrdiff_t r = 0; r < n; r++, g_nc += ld_g) {
        const X *x = taken ? NULL : x_n[r] + d;
        V x_v[8];
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            if (taken)
                x_v[v] = VW(load)(copied + r * FL_STRIPE * LANES + v * LANES);
            else
                x_v[v] = vectors == 1 ? X_LOAD_N(x, width) : X_LOAD(x + v * LANES);
            FL_KEEP(x_v[v]);
            if (copied && !taken) VW(store)(copied + r * FL_STRIPE * LANES + v * LANES, x_v[v]);
            if (FL_ASKS && next_n && (v * LANES * sizeof(X) / pace) % 64 == 0)
                FL_PREFETCH(next_n[r] + d_next + v * LANES / pace);
        }
        FL_UNROLL for (int c = 0; c < classes; c++) {
            const V g = VW(set1)(g_nc[c]);
            FL_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = VW(fma)(x_v[v], g, sum[c][v]);
        }
    }
    FL_UNROLL for (int c = 0; c < classes; c++) {
        REAL *dw = dw_cd + c * ld_dw;
        if (vectors == 1) {
            if (accumulate) sum[c][0] = sum[c][0] + VW(load_n)(dw, width);
            VW(store_n)(dw, sum[c][0], width);
        } else {
            FL_UNROLL for (int v = 0; v < vectors; v++) {
                if (accumulate) sum[c][v] = sum[c][v] + VW(load)(dw + v * LANES);
                VW(store)(dw + v * LANES, sum[c][v]);
            }
        }
    }
}

/* Features before the next pair of lines begins, or the next line, or part of one that a vector fills, where rows do not
 * lie alike beside more: large arrays of NumPy's begin 16 bytes behind a line, and a tile that reads parts of three lines
 * for two waits for three; with AVX-512, 3072 features and 10 classes the whole pass takes a tenth longer. */
FL_INLINE ptrdiff_t NAME(to_line)(ptrdiff_t n, const X *const *x_n, ptrdiff_t d) {
    if (n < 2 || d < 32 * (ptrdiff_t)LANES) return 0;
    const uintptr_t apart = (uintptr_t)x_n[1] - (uintptr_t)x_n[0];
    const uintptr_t line = apart % 128 == 0 ? 128 : apart % 64 == 0 ? 64 : LANES * sizeof(X);
    return apart % line ? 0 : (ptrdiff_t)((line - (uintptr_t)x_n[0] % line) % line / sizeof(X));
}

static void NAME(gradient_tiles)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const void *g_nc, ptrdiff_t ld_g,
                                 ptrdiff_t d0, ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                 const void *const *next_n) {
    REAL gathered[FL_GRADIENT_ROWS * FL_GROUP];
    for (ptrdiff_t g = 0; g < fl_cut_count(c, FL_GROUP); g++) {
        const ptrdiff_t c0 = fl_cut_start(c, FL_GROUP, g), classes = fl_cut_start(c, FL_GROUP, g + 1) - c0;
        const ptrdiff_t strip = NAME(strip)(d1, classes);
        const int pace = FL_ASK_PACE(classes);
        const ptrdiff_t d_ask = pace > 1 && strip < d1 && d1 <= 2 * strip ? strip : 0;
        const ptrdiff_t d_asked = next_n && g == 0 ? pace * (strip + LANES) : 0;
        for (ptrdiff_t r0 = 0; r0 < n; r0 += FL_GRADIENT_ROWS) {
            const ptrdiff_t rows = n - r0 < FL_GRADIENT_ROWS ? n - r0 : FL_GRADIENT_ROWS;
            const X *const *x = (const X *const *)x_n + r0;
            const REAL *coefficient = (const REAL *)g_nc + r0 * ld_g + c0;
            const int add = accumulate || r0 > 0;
            ptrdiff_t ld = ld_g, d = d0;
            const X *const *next = d_asked > 0 ? (const X *const *)next_n + r0 : NULL;
            const ptrdiff_t d_line = d0 + NAME(to_line)(rows, x, d1 - d0);
            if (c > classes) {
                for (ptrdiff_t r = 0; r < rows; r++)
                    for (ptrdiff_t j = 0; j < classes; j++) gathered[r * classes + j] = coefficient[r * ld_g + j];
                coefficient = gathered;
                ld = classes;
            }
#define FL_GRADIENT(k, vectors, width, next)                                                                           \
    NAME(gradient_tile)                                                                                                \
    (k, vectors, width, rows, x, d, coefficient, ld, (REAL *)dw_cd + c0 * ld_dw + (d - d0), ld_dw, add,                \
     next, d_ask + d / pace, FL_ASK_PACE(k), NULL, 0)
            /* Up to a line, then as many vectors as registers hold, two while they last, then one or a part. */
#define FL_GRADIENT_TILES(k)                                                                                           \
    for (; d < d_line; d += d_line - d < LANES ? d_line - d : LANES)                                                   \
        FL_GRADIENT(k, 1, d_line - d < LANES ? d_line - d : LANES, next);                                              \
    for (; d + FL_VECTOR_TILE(k) * LANES <= d1 && d < d_asked; d += FL_VECTOR_TILE(k) * LANES)                         \
        FL_GRADIENT(k, FL_VECTOR_TILE(k), LANES, (const X *const *)next_n + r0);                                       \
    for (; d + FL_VECTOR_TILE(k) * LANES <= d1; d += FL_VECTOR_TILE(k) * LANES)                                        \
        FL_GRADIENT(k, FL_VECTOR_TILE(k), LANES, NULL);                                                                \
    for (; FL_VECTOR_TILE(k) > 2 && d + 2 * LANES <= d1; d += 2 * LANES) FL_GRADIENT(k, 2, LANES, NULL);               \
    for (; d < d1; d += LANES) FL_GRADIENT(k, 1, d1 - d < LANES ? d1 - d : LANES, d < d_asked ? next : NULL)
            FL_FOR_CLASSES(classes, FL_GRADIENT_TILES)
#undef FL_GRADIENT_TILES
#undef FL_GRADIENT
        }
    }
}

#if FL_STRIPE
/* Whether rows are copied stripe by stripe: where they lie so far apart that their lines meet in a few sets of the
 * first-level cache, or where the copy widens them once for all groups. */
FL_INLINE int NAME(copies)(ptrdiff_t n, ptrdiff_t c, const X *const *x_n) {
    if (n < 2 || fl_cut_count(c, FL_GROUP) < 2) return 0;
    /* A line more or less: the feature of a bias moves few rows on to the next set. */
    const uintptr_t apart = (uintptr_t)x_n[1] - (uintptr_t)x_n[0];
    return sizeof(X) < sizeof(REAL) || (apart + 64) % 2048 <= 128;
}

/* The gradient of several groups for the features [d0, d1), whole stripes. */
static void NAME(gradient_stripes)(ptrdiff_t n, ptrdiff_t c, const X *const *x_n, const REAL *g_nc, ptrdiff_t ld_g,
                                   ptrdiff_t d0, ptrdiff_t d1, REAL *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                   const X *const *next_n, ptrdiff_t d_asked) {
    REAL copied[FL_GRADIENT_ROWS * FL_STRIPE * LANES];
    const ptrdiff_t larger = fl_cut_start(c, FL_GROUP, 1), in_larger = fl_cut_larger(c, FL_GROUP);
    for (ptrdiff_t d = d0; d < d1; d += FL_STRIPE * LANES, dw_cd += FL_STRIPE * LANES) {
        const X *const *next = d < d_asked ? next_n : NULL;
        if (FL_COPIES_FIRST) {
            for (ptrdiff_t r = 0; r < n; r++)
                FL_UNROLL for (int v = 0; v < FL_STRIPE; v++)
                    VW(store)(copied + (r * FL_STRIPE + v) * LANES, X_LOAD(x_n[r] + d + v * LANES));
        }
        for (ptrdiff_t c0 = 0, classes; c0 < c; c0 += classes) {
            classes = c0 < in_larger ? larger : larger - 1;
#define FL_GRADIENT(k, next, taken)                                                                                    \
    for (int v = 0; v < FL_STRIPE; v += 2)                                                                             \
    NAME(gradient_tile)                                                                                                \
    (k, 2, LANES, n, x_n, d + v * LANES, g_nc + c0, ld_g, dw_cd + c0 * ld_dw + v * LANES, ld_dw, accumulate, next,     \
     d + v * LANES, 1, copied + v * LANES, taken)
#define FL_GRADIENT_STRIPE(k)                                                                                          \
    if (FL_COPIES_FIRST || c0)                                                                                         \
        FL_GRADIENT(k, NULL, 1);                                                                                       \
    else if (next)                                                                                                     \
        FL_GRADIENT(k, next, 0);                                                                                       \
    else                                                                                                               \
        FL_GRADIENT(k, NULL, 0)
            FL_FOR_CLASSES(classes, FL_GRADIENT_STRIPE)
#undef FL_GRADIENT_STRIPE
#undef FL_GRADIENT
        }
    }
}
#endif

static void NAME(gradient)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const void *g_nc, ptrdiff_t ld_g,
                           ptrdiff_t d0, ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate,
                           const void *const *next_n) {
#if FL_STRIPE
    const X *const *x = (const X *const *)x_n;
    if (NAME(copies)(n, c, x)) {
        const ptrdiff_t d_line = d0 + NAME(to_line)(n, x, d1 - d0);
        const ptrdiff_t d_left = d_line + (d1 - d_line) / (FL_STRIPE * LANES) * (FL_STRIPE * LANES);
        if (d0 < d_line) NAME(gradient_tiles)(n, c, x_n, g_nc, ld_g, d0, d_line, dw_cd, ld_dw, accumulate, next_n);
        for (ptrdiff_t r0 = 0; r0 < n; r0 += FL_GRADIENT_ROWS) {
            const ptrdiff_t rows = n - r0 < FL_GRADIENT_ROWS ? n - r0 : FL_GRADIENT_ROWS;
            NAME(gradient_stripes)
            (rows, c, x + r0, (const REAL *)g_nc + r0 * ld_g, ld_g, d_line, d_left, (REAL *)dw_cd + (d_line - d0),
             ld_dw, accumulate || r0 > 0, next_n ? (const X *const *)next_n + r0 : NULL,
             NAME(strip)(d1, fl_cut_start(c, FL_GROUP, 1)) + LANES);
        }
        dw_cd = (REAL *)dw_cd + (d_left - d0);
        d0 = d_left;
        next_n = NULL;
    }
#endif
    if (d0 < d1) NAME(gradient_tiles)(n, c, x_n, g_nc, ld_g, d0, d1, dw_cd, ld_dw, accumulate, next_n);
}

/* For rows far from zero beside their spread: the sums of x and of what a shift takes off again would cancel, and lose
 * the digits that x - shift keeps. */
static void NAME(centre)(ptrdiff_t n, const void *const *x_n, ptrdiff_t d0, ptrdiff_t d1, const void *centre_d,
                         void *out_nd, ptrdiff_t ld_out) {
    const REAL *centre = (const REAL *)centre_d;
    for (ptrdiff_t r = 0; r < n; r++) {
        const X *x = (const X *)x_n[r] + d0;
        REAL *out = (REAL *)out_nd + r * ld_out;
        ptrdiff_t i = 0;
        for (; i + LANES <= d1 - d0; i += LANES) VW(store)(out + i, X_LOAD(x + i) - VW(load)(centre + i));
        const ptrdiff_t rest = d1 - d0 - i;
        if (rest) VW(store_n)(out + i, X_LOAD_N(x + i, rest) - VW(load_n)(centre + i, rest), rest);
    }
}

#include "moments.inc.h"

#undef X
#undef X_LOAD
#undef X_LOAD_N
