/* Template: the gradient of the weights, over rows. A part of rows.inc.h, which includes it and has its plan. */

FL_INLINE void NAME(gradient_tile)(const int classes, const int vectors, ptrdiff_t width, ptrdiff_t n,
                                   const X *const *x_n, ptrdiff_t d, const REAL *g_nc, ptrdiff_t ld_g, REAL *dw_cd,
                                   ptrdiff_t ld_dw, int accumulate, const X *const *next_n, ptrdiff_t d_next,
                                   const int pace, REAL *copied, const int taken) {
    V sum[12][8];
    FL_UNROLL for (int c = 0; c < classes; c++) FL_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = VW(set1)(0);
    for (ptrdiff_t r = 0; r < n; r++, g_nc += ld_g) {
        const X *x = taken ? NULL : x_n[r] + d;
        V x_v[8], g_v[12];
        if (classes < vectors) {
            FL_UNROLL for (int c = 0; c < classes; c++) {
                g_v[c] = VW(set1)(g_nc[c]);
                FL_KEEP(g_v[c]);
            }
        }
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            if (taken)
                x_v[v] = VW(load)(copied + r * FL_STRIPE * LANES + v * LANES);
            else
                x_v[v] = vectors == 1 ? X_LOAD_N(x, width) : X_LOAD(x + v * LANES);
            FL_KEEP(x_v[v]);
            if (copied && !taken) VW(store)(copied + r * FL_STRIPE * LANES + v * LANES, x_v[v]);
            if (FL_ASKS && next_n && (v * LANES * sizeof(X) / pace) % 64 == 0)
                FL_PREFETCH(next_n[r] + d_next + v * LANES / pace);
            if (classes < vectors) {
                FL_UNROLL for (int c = 0; c < classes; c++) sum[c][v] = VW(fma)(x_v[v], g_v[c], sum[c][v]);
            }
        }
        if (classes >= vectors) {
            FL_UNROLL for (int c = 0; c < classes; c++) {
                const V g = VW(set1)(g_nc[c]);
                FL_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = VW(fma)(x_v[v], g, sum[c][v]);
            }
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
    REAL gathered[FL_RUN_ROWS * FL_GROUP];
    for (ptrdiff_t g = 0; g < fl_cut_count(c, FL_GROUP); g++) {
        const ptrdiff_t c0 = fl_cut_start(c, FL_GROUP, g), classes = fl_cut_start(c, FL_GROUP, g + 1) - c0;
        const ptrdiff_t strip = NAME(strip)(d1, classes);
        const int pace = FL_ASK_PACE(classes);
        const ptrdiff_t d_ask = pace > 1 && strip < d1 && d1 <= 2 * strip ? strip : 0;
        const ptrdiff_t d_asked = !next_n || g > 0 ? 0 : FL_ASKS_WHOLE(c) ? d1 : pace * (strip + LANES);
        for (ptrdiff_t r0 = 0; r0 < n; r0 += FL_RUN_ROWS) {
            const ptrdiff_t rows = n - r0 < FL_RUN_ROWS ? n - r0 : FL_RUN_ROWS;
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
    /* A line more or less: the feature of a bias moves few rows on to the next set. Short rows lie side by side. */
    const uintptr_t apart = (uintptr_t)x_n[1] - (uintptr_t)x_n[0];
    return sizeof(X) < sizeof(REAL) || (apart >= 1024 && (apart + 64) % 2048 <= 128);
}

/* The gradient of several groups for the features [d0, d1), whole stripes. */
static void NAME(gradient_stripes)(ptrdiff_t n, ptrdiff_t c, const X *const *x_n, const REAL *g_nc, ptrdiff_t ld_g,
                                   ptrdiff_t d0, ptrdiff_t d1, REAL *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                   const X *const *next_n, ptrdiff_t d_asked) {
    REAL copied[FL_RUN_ROWS * FL_STRIPE * LANES];
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
    for (int v = 0; v < FL_STRIPE; v += FL_VECTOR_TILE(k))                                                             \
    NAME(gradient_tile)                                                                                                \
    (k, FL_VECTOR_TILE(k), LANES, n, x_n, d + v * LANES, g_nc + c0, ld_g, dw_cd + c0 * ld_dw + v * LANES, ld_dw,       \
     accumulate, next, d + v * LANES, 1, copied + v * LANES, taken)
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
        for (ptrdiff_t r0 = 0; r0 < n; r0 += FL_RUN_ROWS) {
            const ptrdiff_t rows = n - r0 < FL_RUN_ROWS ? n - r0 : FL_RUN_ROWS;
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
