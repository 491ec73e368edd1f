/* Template: mean and spread of features over rows. A part of rows.inc.h, which includes it and says what it needs. */

/* Mean and squared deviations of the block in two passes over cached rows, in double, then Chan, Golub and LeVeque's
 * (1983) merge with what was seen before: no cancellation however far the data lie from zero. Of bytes one pass does:
 * sums of up to 258 of them, and of their squares, are whole numbers that a float holds, and nothing is rounded. */
FL_INLINE void NAME(moments_tile)(ptrdiff_t n, const X *const *x_n, const double *weight_n, double weight, ptrdiff_t d,
                                  ptrdiff_t width, double *mean, double *m2) {
    vd sum[WIDE], square[WIDE], x[WIDE];
#if VALUES_ARE_BYTES
    if (!weight_n) {
        V total = VW(set1)(0), squares = total;
        for (ptrdiff_t r = 0; r < n; r++) {
            const V bytes = width == LANES ? X_LOAD(x_n[r] + d) : X_LOAD_N(x_n[r] + d, width);
            total = total + bytes;
            squares = VW(fma)(bytes, bytes, squares);
        }
        VW(widen)(total, sum);
        VW(widen)(squares, square);
        for (int i = 0; i < WIDE; i++) {
            vd_store(mean + i * VD_LANES, sum[i] / vd_set1(weight));
            vd_store(m2 + i * VD_LANES, (square[i] * vd_set1(weight) - sum[i] * sum[i]) / vd_set1(weight));
        }
        return;
    }
#endif
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
