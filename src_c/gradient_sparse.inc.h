/* Template: the gradient of the weights, from lists of rows. A part of rows.inc.h, which includes it and has its plan.
 */

/* `width`: the features of the last vector, a constant where it is a whole one. */
FL_INLINE void NAME(sparse_tile)(const int vectors, ptrdiff_t width, ptrdiff_t n, ptrdiff_t c, const X *const *x_n,
                                 ptrdiff_t d, const fl_sparse *sparse, REAL *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                 const void *const *next_n, ptrdiff_t line, ptrdiff_t lines) {
    REAL copied[FL_SPARSE_ROWS * FL_SPARSE_VECTORS * LANES] __attribute__((aligned(64)));
    V all[FL_SPARSE_VECTORS];
    FL_UNROLL for (int v = 0; v < vectors; v++) all[v] = VW(set1)(0);
    for (ptrdiff_t r = 0; r < n; r++) {
        const X *x = x_n[r] + d;
        const V base = VW(set1)(((const REAL *)sparse->base_n)[r]);
        FL_KEEP_POINTER(x);
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            const V x_v = v < vectors - 1 ? X_LOAD(x + v * LANES) : X_LOAD_N(x + v * LANES, width);
            VW(store)(copied + (r * vectors + v) * LANES, x_v);
            all[v] = VW(fma)(x_v, base, all[v]);
        }
    }
    for (ptrdiff_t j = 0, asking = 0; j < c; j++, dw_cd += ld_dw) {
        V sum[FL_SPARSE_VECTORS];
        FL_UNROLL for (int v = 0; v < vectors; v++) sum[v] = sparse->of_all_c[j] ? all[v] : VW(set1)(0);
        for (ptrdiff_t i = sparse->first_c[j]; i < sparse->first_c[j + 1]; i++) {
            const V factor = VW(set1)(((const REAL *)sparse->factor)[i]);
            const REAL *x = copied + sparse->row[i] * vectors * LANES;
            FL_UNROLL for (int v = 0; v < vectors; v++) sum[v] = VW(fma)(VW(load)(x + v * LANES), factor, sum[v]);
        }
        FL_UNROLL for (int v = 0; v < vectors; v++) {
            REAL *dw = dw_cd + v * LANES;
            const ptrdiff_t part = v < vectors - 1 ? LANES : width;
            if (accumulate) sum[v] = sum[v] + VW(load_n)(dw, part);
            VW(store_n)(dw, sum[v], part);
        }
        /* A few rows' lines after each class: asked for all at once, they would wait for each other. */
        for (; lines > 0 && asking * c < (j + 1) * n; asking++)
            for (ptrdiff_t l = line; l < line + lines; l++) FL_PREFETCH((const char *)next_n[asking] + l * 64);
    }
}

static void NAME(gradient_sparse)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const fl_sparse *sparse,
                                  ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate,
                                  const void *const *next_n) {
    const X *const *x = (const X *const *)x_n;
    const ptrdiff_t tile = FL_SPARSE_VECTORS * LANES, tiles = d1 / tile;
    /* Of the rows to come the first strip of the scores is asked for, as many lines with each tile. */
    const ptrdiff_t asked = NAME(strip)(d1, fl_cut_start(c, FL_GROUP, 1)) + LANES;
    const ptrdiff_t last_line = next_n && FL_ASKS ? ((asked < d1 ? asked : d1) * (ptrdiff_t)sizeof(X) + 63) / 64 : 0;
    const ptrdiff_t lines = tiles ? (last_line + tiles - 1) / tiles : last_line;
    /* The first tile, shorter by less than a vector, ends where the others read whole lines. */
    const ptrdiff_t d_line = c <= FL_SPARSE_ALIGNED && tiles > 1 ? NAME(to_line)(n, x, d1) % LANES : 0;
    ptrdiff_t d = 0, line = 0;
#define FL_SPARSE(vectors, width)                                                                                      \
    NAME(sparse_tile)                                                                                                  \
    (vectors, width, n, c, x, d, sparse, (REAL *)dw_cd + d, ld_dw, accumulate, next_n, line,                           \
     lines < last_line - line ? lines : last_line - line);                                                             \
    d += ((vectors) - 1) * LANES + (width);                                                                            \
    line = line + lines < last_line ? line + lines : last_line
    if (d_line) {
        FL_SPARSE(FL_SPARSE_VECTORS, d_line);
    }
    while (d + tile <= d1) {
        FL_SPARSE(FL_SPARSE_VECTORS, LANES);
    }
    while (d < d1) {
        const ptrdiff_t left = (d1 - d + LANES - 1) / LANES; /* vectors */
        const ptrdiff_t most = left >= 4 ? 4 : left >= 2 ? 2 : 1;
        const ptrdiff_t width = left > most ? (ptrdiff_t)LANES : d1 - d - (left - 1) * LANES;
        if (most == 4) {
            FL_SPARSE(4, width);
        } else if (most == 2) {
            FL_SPARSE(2, width);
        } else {
            FL_SPARSE(1, width);
        }
    }
#undef FL_SPARSE
}
