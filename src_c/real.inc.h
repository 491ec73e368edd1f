/* Template: the kernels on scores and weights, for one computing type at one level.
 *
 * Needs REAL, V, VW(word), LANES, BITS (the vector type of its bits), LESS, NAME(kernel), and the constants of the
 * exponential: EXP_MAGIC, EXP_SHIFT, EXP_ONE, EXP_LEAST, EXP_SMALL, EXP_DEGREE, LN2_HIGH, LN2_LOW.
 *
 * Plan. A row of scores is padded to whole vectors with the bias, whose padding is -infinity: exp makes it 0 and the
 * hinge never violates it, so no loop here has a tail over classes. Loops over features use the masked load and store
 * for theirs.
 */

/* exp(x) for x <= 0: x = n ln 2 + r with |r| <= ln 2 / 2; the Taylor polynomial of exp(r), whose error at EXP_DEGREE is
 * below half an ulp; then n goes into the exponent. Adding EXP_MAGIC = 1.5 * 2^(mantissa bits) rounds x / ln 2 to n and
 * leaves n in the low bits. Below EXP_LEAST, where the result is no normal number any more, it is 0. NaN stays NaN. */
FL_INLINE V NAME(exp)(V x) {
    /* 1 / k! */
    static const REAL inverse_factorial[] = {1,
                                             1,
                                             1 / (REAL)2,
                                             1 / (REAL)6,
                                             1 / (REAL)24,
                                             1 / (REAL)120,
                                             1 / (REAL)720,
                                             1 / (REAL)5040,
                                             1 / (REAL)40320,
                                             1 / (REAL)362880,
                                             1 / (REAL)3628800,
                                             1 / (REAL)39916800,
                                             1 / (REAL)479001600,
                                             1 / (REAL)6227020800};
    const BITS vanishes = LESS(x, VW(set1)((REAL)EXP_LEAST));
    x = VW(select)(vanishes, VW(set1)(0), x);
    const V shifted = VW(fma)(x, VW(set1)((REAL)1.44269504088896340736), VW(set1)((REAL)EXP_MAGIC));
    const V n = shifted - VW(set1)((REAL)EXP_MAGIC);
    V r = VW(fma)(n, VW(set1)((REAL)-LN2_HIGH), x);
    r = VW(fma)(n, VW(set1)((REAL)-LN2_LOW), r);
    V p = VW(set1)(inverse_factorial[EXP_DEGREE]);
    FL_UNROLL for (int k = EXP_DEGREE - 1; k >= 0; k--) p = VW(fma)(p, r, VW(set1)(inverse_factorial[k]));
    const V power = VW(from_bits)((VW(as_bits)(shifted) << EXP_SHIFT) + EXP_ONE);
    return VW(clear)(vanishes, p * power);
}

#include "loss.inc.h"

#include "sparse.inc.h"

static void NAME(add_bias)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c, void *out_nc,
                           ptrdiff_t ld_out) {
    for (ptrdiff_t r = 0; r < n; r++) {
        const REAL *s = (const REAL *)s_nc + r * ld_s, *bias = (const REAL *)bias_c;
        REAL *out = (REAL *)out_nc + r * ld_out;
        for (ptrdiff_t j = 0; j < c; j++) out[j] = s[j] + bias[j];
    }
}

static void NAME(argmax)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c,
                         int64_t *out_n) {
    const REAL *bias = (const REAL *)bias_c;
    for (ptrdiff_t r = 0; r < n; r++) {
        const REAL *s = (const REAL *)s_nc + r * ld_s;
        REAL top = s[0] + bias[0];
        ptrdiff_t at = 0;
        /* As NumPy's argmax: the first NaN counts as largest. */
        for (ptrdiff_t j = 1; j < c && top == top; j++) {
            const REAL v = s[j] + bias[j];
            if (!(v <= top)) {
                top = v;
                at = j;
            }
        }
        out_n[r] = at;
    }
}

static void NAME(probabilities)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, void *p_nc) {
    const ptrdiff_t whole = c / LANES * LANES, rest = c - whole;
    for (ptrdiff_t r = 0; r < n; r++) {
        const REAL *s = (const REAL *)s_nc + r * c;
        REAL *p = (REAL *)p_nc + r * c;
        REAL padded[LANES];
        for (int i = 0; i < LANES; i++) padded[i] = i < rest ? s[whole + i] : -(REAL)INFINITY;
        const V tail = VW(load)(padded);
        V top = tail, sum;
        for (ptrdiff_t j = 0; j < whole; j += LANES) top = VW(max)(top, VW(load)(s + j));
        top = VW(set1)(VW(largest)(top));
        sum = NAME(exp)(tail - top);
        VW(store_n)(p + whole, sum, rest);
        for (ptrdiff_t j = 0; j < whole; j += LANES) {
            const V e = NAME(exp)(VW(load)(s + j) - top);
            VW(store)(p + j, e);
            sum = sum + e;
        }
        const REAL total = VW(sum)(sum);
        for (ptrdiff_t j = 0; j < c; j++) p[j] /= total;
    }
}

static ptrdiff_t NAME(packed_size)(ptrdiff_t c, ptrdiff_t d) {
    return c > FL_FEW ? fl_whole(c, LANES) * d : c * fl_whole(d, LANES);
}

/* Panel by panel, a feature's weights of all its classes in whole vectors; classes beyond the last are zero. */
static void NAME(pack_panels)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const REAL *w_cd,
                              const REAL *reference_d, const REAL *scale, REAL *w_packed) {
    const ptrdiff_t vectors = fl_whole(c, LANES) / LANES;
    for (ptrdiff_t p = 0; p < fl_cut_count(vectors, FL_PANEL); p++) {
        const ptrdiff_t c0 = fl_cut_start(vectors, FL_PANEL, p) * LANES;
        const ptrdiff_t c1 = fl_cut_start(vectors, FL_PANEL, p + 1) * LANES, panel = c1 - c0;
        /* A vector of features at a time: the lines written stay in cache while the classes pass. */
        FL_EACH_VECTOR(d0, d1, LANES, {
            const V factor = scale ? VW(load_n)(scale + at, width) : VW(set1)(1);
            const V less = reference_d ? VW(load_n)(reference_d + at, width) : VW(set1)(0);
            for (ptrdiff_t j = c0; j < c1; j++) {
                REAL lanes[LANES];
                VW(store)(lanes, j < c ? (VW(load_n)(w_cd + j * d + at, width) - less) * factor : VW(set1)(0));
                REAL *out = w_packed + c0 * d + at * panel + (j - c0);
                for (ptrdiff_t i = 0; i < width; i++) out[i * panel] = lanes[i];
            }
        });
    }
}

static void NAME(pack)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd, const void *reference_d,
                       fl_fold fold, void *w_packed) {
    const REAL *scale = (const REAL *)fold.scale_d, *reference = (const REAL *)reference_d;
    const ptrdiff_t d_padded = fl_whole(d, LANES);
    if (c > FL_FEW) {
        NAME(pack_panels)(c, d, d0, d1, (const REAL *)w_cd, reference, scale, (REAL *)w_packed);
        return;
    }
    for (ptrdiff_t g = 0; g < fl_cut_count(c, FL_GROUP); g++) {
        const ptrdiff_t c0 = fl_cut_start(c, FL_GROUP, g), c1 = fl_cut_start(c, FL_GROUP, g + 1);
        REAL *out = (REAL *)w_packed + c0 * d_padded + d0 * (c1 - c0);
        FL_EACH_VECTOR(d0, d1, LANES, {
            const V factor = scale ? VW(load_n)(scale + at, width) : VW(set1)(1);
            const V less = reference ? VW(load_n)(reference + at, width) : VW(set1)(0);
            for (ptrdiff_t j = c0; j < c1; j++, out += LANES)
                VW(store)(out, (VW(load_n)((const REAL *)w_cd + j * d + at, width) - less) * factor);
        });
    }
}

static void NAME(shift_dot)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd,
                            const void *reference_d, fl_fold fold, double *dot_c) {
    const REAL *shift = (const REAL *)fold.shift_d, *scale = (const REAL *)fold.scale_d;
    const REAL *reference = (const REAL *)reference_d;
    for (ptrdiff_t j = 0; j < c; j++) {
        const REAL *w = (const REAL *)w_cd + j * d;
        V sum = VW(set1)(0);
        FL_EACH_VECTOR(d0, d1, LANES, {
            V v = VW(load_n)(w + at, width);
            if (reference) v = v - VW(load_n)(reference + at, width);
            /* The product the packed weights hold, so that both sides of the folding round alike. */
            if (scale) v = v * VW(load_n)(scale + at, width);
            sum = VW(fma)(v, VW(load_n)(shift + at, width), sum);
        });
        dot_c[j] = (double)VW(sum)(sum);
    }
}

FL_INLINE V NAME(unfold)(V dw, fl_fold fold, REAL db, ptrdiff_t at, ptrdiff_t width) {
    if (fold.shift_d) dw = VW(fma)(VW(set1)(-db), VW(load_n)((const REAL *)fold.shift_d + at, width), dw);
    if (fold.scale_d) dw = dw * VW(load_n)((const REAL *)fold.scale_d + at, width);
    return dw;
}

FL_INLINE V NAME(sign)(V w) {
    const V zero = VW(set1)(0), one = VW(set1)(1);
    return VW(from_bits)(VW(as_bits)(one) & LESS(zero, w)) - VW(from_bits)(VW(as_bits)(one) & LESS(w, zero));
}

/* The sum of groups of parts, each group added up first. */
static void NAME(sum_parts)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts, ptrdiff_t n_parts,
                            ptrdiff_t of_group, ptrdiff_t stride, void *out_cd, ptrdiff_t ld_out) {
    for (ptrdiff_t j = 0; j < c; j++) {
        const REAL *part = (const REAL *)parts_cd + j * ld_parts;
        REAL *out = (REAL *)out_cd + j * ld_out;
        FL_EACH_VECTOR(0, d, LANES, {
            V sum = VW(set1)(0);
            for (ptrdiff_t k = 0; k < n_parts; k += of_group) {
                const ptrdiff_t stop = k + of_group < n_parts ? k + of_group : n_parts;
                V group = VW(load_n)(part + k * stride + at, width);
                for (ptrdiff_t i = k + 1; i < stop; i++) group = group + VW(load_n)(part + i * stride + at, width);
                sum = k == 0 ? group : sum + group;
            }
            VW(store_n)(out + at, sum, width);
        });
    }
}

static void NAME(balance)(ptrdiff_t c, ptrdiff_t d, void *dw_cd, ptrdiff_t ld_dw) {
    REAL *last = (REAL *)dw_cd + (c - 1) * ld_dw;
    FL_EACH_VECTOR(0, d, LANES, {
        V sum = VW(set1)(0);
        for (ptrdiff_t j = 0; j < c - 1; j++) sum = sum - VW(load_n)((const REAL *)dw_cd + j * ld_dw + at, width);
        VW(store_n)(last + at, sum, width);
    });
}

/* A sum that overflows says nothing where it has no strength. */
FL_INLINE double NAME(penalty_of)(double l2, double squares, double l1, double magnitudes) {
    return (l2 != 0 ? l2 * squares : 0) + (l1 != 0 ? l1 * magnitudes : 0);
}

static double NAME(finish_gradient)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts,
                                    ptrdiff_t n_parts, ptrdiff_t stride, fl_fold fold, const double *db_c,
                                    const void *w_cd, ptrdiff_t ld_w, double l2, double l1, void *out_cd,
                                    ptrdiff_t ld_out) {
    double squares = 0, magnitudes = 0;
    for (ptrdiff_t j = 0; j < c; j++) {
        const REAL *part = (const REAL *)parts_cd + j * ld_parts, *w = (const REAL *)w_cd + j * ld_w;
        REAL *out = (REAL *)out_cd + j * ld_out;
        V square = VW(set1)(0), magnitude = VW(set1)(0);
        FL_EACH_VECTOR(0, d, LANES, {
            V dw = VW(set1)(0);
            for (ptrdiff_t k = 0; k < n_parts; k++) dw = dw + VW(load_n)(part + k * stride + at, width);
            dw = NAME(unfold)(dw, fold, (REAL)db_c[j], at, width);
            if (l2 != 0 || l1 != 0) {
                const V w_v = VW(load_n)(w + at, width);
                dw = VW(fma)(VW(set1)((REAL)(2 * l2)), w_v, dw);
                dw = VW(fma)(VW(set1)((REAL)l1), NAME(sign)(w_v), dw);
                square = VW(fma)(w_v, w_v, square);
                magnitude = magnitude + VW(abs)(w_v);
            }
            VW(store_n)(out + at, dw, width);
        });
        squares += (double)VW(sum)(square);
        magnitudes += (double)VW(sum)(magnitude);
    }
    return NAME(penalty_of)(l2, squares, l1, magnitudes);
}

static double NAME(penalty)(ptrdiff_t c, ptrdiff_t d, const void *w_cd, ptrdiff_t ld_w, double l2, double l1) {
    double squares = 0, magnitudes = 0;
    if (l2 == 0 && l1 == 0) return 0;
    for (ptrdiff_t j = 0; j < c; j++) {
        const REAL *w = (const REAL *)w_cd + j * ld_w;
        V square = VW(set1)(0), magnitude = VW(set1)(0);
        FL_EACH_VECTOR(0, d, LANES, {
            const V w_v = VW(load_n)(w + at, width);
            square = VW(fma)(w_v, w_v, square);
            magnitude = magnitude + VW(abs)(w_v);
        });
        squares += (double)VW(sum)(square);
        magnitudes += (double)VW(sum)(magnitude);
    }
    return NAME(penalty_of)(l2, squares, l1, magnitudes);
}

#include "step.inc.h"

#undef REAL
#undef V
#undef VW
#undef LANES
#undef BITS
#undef LESS
#undef NAME
