/* Template: the kernels that read rows, for one storage type at one level.
 *
 * Needs X (storage type), X_LOAD(p), X_LOAD_N(p, n) (a vector, or its first n lanes, as `real`), REAL, V (vector type),
 * VW(word) (that type's SIMD words), LANES, WIDE (vectors of double that hold one of V), NAME(kernel).
 *
 * Plan. Both products of a block of rows are sums of products over a long axis: scores over features, gradient over
 * rows. C is no multiple of a vector, so both run along features in vectors and keep a tile of accumulators in
 * registers; the storage type is widened in the load.
 *
 * scores   ROW_TILE rows x the classes of a group. A step of one vector of features loads ROW_TILE vectors of rows and
 *          one of weights a class, and does ROW_TILE * classes multiply-adds. Registers with 32 (AVX-512): 2 x 12
 *          accumulators + 2 rows + 1 weight = 27, or 4 x 5 + 4 + 1 = 25 for few classes; with 16: 2 x 5 + 2 + 1 = 13.
 *          Weights come packed in just this order, so they are one stream; features are cut into strips whose weights
 *          stay in the first-level cache while all rows of the block pass. Between strips sums rest in `scratch`, so
 *          that rounding errors grow with the strip's length, not the row's; lanes are added up once, at the end.
 * gradient A group's classes x 2 vectors of features, the rows of the block streaming by: 12 x 2 + 2 rows + 1 weight
 *          = 27, or 5 x 2 + 2 + 1 = 13 registers. The row's coefficient is broadcast once for two multiply-adds.
 *
 * The order of every sum depends on the feature count and the level only, never on the block a row is in or on threads.
 */

/* A strip: 16 KiB of weights, half of the smallest first-level cache about (32 KiB), the other half is for rows; and at
 * most 128 additions in a row, for the sake of float's 24 bits. */
#ifndef FL_STRIP_BYTES
#define FL_STRIP_BYTES 16384
#define FL_STRIP_STEPS 128
#endif

FL_INLINE void NAME(scores_tile)(const int rows, const int classes, const X *const *x_n, ptrdiff_t d0, ptrdiff_t d1,
                                 const REAL *w, REAL *resting, int first, int last, REAL *s_nc, ptrdiff_t ld_s) {
    V sum[4][12];
    const X *x[4];
    FL_UNROLL for (int r = 0; r < rows; r++) {
        x[r] = x_n[r];
        FL_UNROLL for (int c = 0; c < classes; c++) sum[r][c] = VW(set1)(0);
    }
    ptrdiff_t d = d0;
    for (; d + LANES <= d1; d += LANES, w += classes * LANES) {
        V x_v[4];
        FL_UNROLL for (int r = 0; r < rows; r++) x_v[r] = X_LOAD(x[r] + d);
        FL_UNROLL for (int c = 0; c < classes; c++) {
            const V w_v = VW(load)(w + c * LANES);
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
            REAL *rest = resting + (r * FL_GROUP + c) * LANES;
            if (!first) sum[r][c] = VW(load)(rest) + sum[r][c];
            if (last)
                s_nc[r * ld_s + c] = VW(sum)(sum[r][c]);
            else
                VW(store)(rest, sum[r][c]);
        }
    }
}

static void NAME(scores)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed, void *s_nc,
                         ptrdiff_t ld_s, void *scratch) {
    const X *const *x = (const X *const *)x_n;
    const ptrdiff_t d_padded = (d + LANES - 1) / LANES * LANES;
    for (ptrdiff_t g = 0; g < fl_group_count(c); g++) {
        const ptrdiff_t c0 = fl_group_start(c, g), classes = fl_group_start(c, g + 1) - c0;
        const REAL *w = (const REAL *)w_packed + c0 * d_padded;
        /* Strips of equal length, in whole vectors. */
        const ptrdiff_t in_cache = FL_STRIP_BYTES / (classes * LANES * (ptrdiff_t)sizeof(REAL));
        const ptrdiff_t most = in_cache < FL_STRIP_STEPS ? in_cache : FL_STRIP_STEPS, steps = d_padded / LANES;
        const ptrdiff_t strips = (steps + most - 1) / most, strip = (steps + strips - 1) / strips * LANES;
        for (ptrdiff_t d0 = 0; d0 < d; d0 += strip) {
            const ptrdiff_t d1 = d0 + strip < d ? d0 + strip : d;
            const int first = d0 == 0, last = d1 == d;
            ptrdiff_t r = 0;
#define FL_SCORES(k, rows)                                                                                             \
    for (; r + (rows) <= n; r += (rows))                                                                               \
        NAME(scores_tile)                                                                                              \
        (rows, k, x + r, d0, d1, w + d0 * classes, (REAL *)scratch + r * FL_GROUP * LANES, first, last,                \
         (REAL *)s_nc + r * ld_s + c0, ld_s)
#define FL_SCORES_TILES(k)                                                                                             \
    FL_SCORES(k, FL_ROW_TILE(k));                                                                                      \
    FL_SCORES(k, 1)
            FL_FOR_CLASSES(classes, FL_SCORES_TILES)
#undef FL_SCORES_TILES
#undef FL_SCORES
        }
    }
}

FL_INLINE void NAME(gradient_tile)(const int classes, const int vectors, ptrdiff_t width, ptrdiff_t n,
                                   const X *const *x_n, ptrdiff_t d, const REAL *g_nc, ptrdiff_t ld_g, REAL *dw_cd,
                                   ptrdiff_t ld_dw, int accumulate) {
    V sum[12][2];
    FL_UNROLL for (int c = 0; c < classes; c++) FL_UNROLL for (int v = 0; v < vectors; v++) sum[c][v] = VW(set1)(0);
    for (ptrdiff_t r = 0; r < n; r++, g_nc += ld_g) {
        const X *x = x_n[r] + d;
        V x_v[2];
        if (vectors == 1)
            x_v[0] = X_LOAD_N(x, width);
        else
            FL_UNROLL for (int v = 0; v < vectors; v++) x_v[v] = X_LOAD(x + v * LANES);
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

static void NAME(gradient)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const void *g_nc, ptrdiff_t ld_g,
                           ptrdiff_t d0, ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate) {
    const X *const *x = (const X *const *)x_n;
    for (ptrdiff_t d = d0; d < d1;) {
        /* Two vectors while they last, then one, whole or part. */
        const int two = d + 2 * LANES <= d1;
        const ptrdiff_t width = d1 - d < LANES ? d1 - d : LANES;
        for (ptrdiff_t g = 0; g < fl_group_count(c); g++) {
            const ptrdiff_t c0 = fl_group_start(c, g), classes = fl_group_start(c, g + 1) - c0;
            const REAL *coefficient = (const REAL *)g_nc + c0;
            REAL *dw = (REAL *)dw_cd + c0 * ld_dw + (d - d0);
#define FL_GRADIENT(k)                                                                                                 \
    if (two)                                                                                                           \
        NAME(gradient_tile)(k, 2, LANES, n, x, d, coefficient, ld_g, dw, ld_dw, accumulate);                           \
    else                                                                                                               \
        NAME(gradient_tile)(k, 1, width, n, x, d, coefficient, ld_g, dw, ld_dw, accumulate)
            FL_FOR_CLASSES(classes, FL_GRADIENT)
#undef FL_GRADIENT
        }
        d += two ? 2 * LANES : width;
    }
}

/* Mean and squared deviations of the block in two passes over cached rows, in double, then Chan, Golub and LeVeque's
 * (1983) merge with what was seen before: no cancellation however far the data lie from zero. */
FL_INLINE void NAME(moments_tile)(ptrdiff_t n, const X *const *x_n, const double *weight_n, double weight, ptrdiff_t d,
                                  ptrdiff_t width, double *mean, double *m2) {
    vd sum[WIDE], square[WIDE], x[WIDE];
    FL_UNROLL for (int i = 0; i < WIDE; i++) sum[i] = square[i] = vd_set1(0);
    for (ptrdiff_t r = 0; r < n; r++) {
        const vd w = vd_set1(weight_n ? weight_n[r] : 1.0);
        VW(widen)(width == LANES ? X_LOAD(x_n[r] + d) : X_LOAD_N(x_n[r] + d, width), x);
        FL_UNROLL for (int i = 0; i < WIDE; i++) sum[i] = sum[i] + w * x[i];
    }
    FL_UNROLL for (int i = 0; i < WIDE; i++) sum[i] = sum[i] / vd_set1(weight);
    for (ptrdiff_t r = 0; r < n; r++) {
        const vd w = vd_set1(weight_n ? weight_n[r] : 1.0);
        VW(widen)(width == LANES ? X_LOAD(x_n[r] + d) : X_LOAD_N(x_n[r] + d, width), x);
        FL_UNROLL for (int i = 0; i < WIDE; i++) square[i] = square[i] + w * (x[i] - sum[i]) * (x[i] - sum[i]);
    }
    FL_UNROLL for (int i = 0; i < WIDE; i++) {
        vd_store(mean + i * VD_LANES, sum[i]);
        vd_store(m2 + i * VD_LANES, square[i]);
    }
}

static void NAME(moments)(ptrdiff_t n, const void *const *x_n, const double *weight_n, double seen, ptrdiff_t d0,
                          ptrdiff_t d1, double *mean_d, double *m2_d) {
    double weight = weight_n ? 0 : (double)n, mean[LANES], m2[LANES];
    for (ptrdiff_t r = 0; weight_n && r < n; r++) weight += weight_n[r];
    if (weight == 0) return;
    const double both = seen + weight;
    for (ptrdiff_t d = d0; d < d1; d += LANES) {
        const ptrdiff_t width = d1 - d < LANES ? d1 - d : LANES;
        NAME(moments_tile)(n, (const X *const *)x_n, weight_n, weight, d, width, mean, m2);
        for (ptrdiff_t i = 0; i < width; i++) {
            const double delta = mean[i] - mean_d[d + i];
            mean_d[d + i] += delta * (weight / both);
            m2_d[d + i] += m2[i] + delta * delta * (seen * weight / both);
        }
    }
}

#undef X
#undef X_LOAD
#undef X_LOAD_N
