/* Template: the scores, a block of rows by packed weights. A part of rows.inc.h, which includes it and has its plan. */

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
        V x_v[8], w_v[12];
        if (classes < rows) {
            FL_UNROLL for (int c = 0; c < classes; c++) {
                w_v[c] = VW(load)(w + c * LANES);
                FL_KEEP(w_v[c]);
            }
        }
        FL_UNROLL for (int r = 0; r < rows; r++) {
            x_v[r] = X_LOAD(x[r] + d);
            if (FL_ASKS) FL_PREFETCH(ask[r] + d);
            if (classes < rows) {
                /* Or GCC reads it once more for each class. */
                if (classes > 1) FL_KEEP(x_v[r]);
                FL_UNROLL for (int c = 0; c < classes; c++) sum[r][c] = VW(fma)(x_v[r], w_v[c], sum[r][c]);
            }
        }
        if (classes >= rows) {
            FL_UNROLL for (int c = 0; c < classes; c++) {
                w_v[c] = VW(load)(w + c * LANES);
                FL_KEEP(w_v[c]);
                FL_UNROLL for (int r = 0; r < rows; r++) sum[r][c] = VW(fma)(x_v[r], w_v[c], sum[r][c]);
            }
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
    if (FL_ROW_TILE(k) == 3) FL_SCORES(k, 2);                                                                          \
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
