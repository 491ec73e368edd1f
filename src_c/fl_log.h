/* log(1 + x) for vectors of double, x >= 0. */
#ifndef FL_LOG_H
#define FL_LOG_H

#include "fl_simd.h"

/* u = 1 + x = 2^k m with sqrt(1/2) <= m < sqrt(2); log m = 2 atanh(s), s = (m - 1) / (m + 1), by its Taylor series
 * in s^2 <= 0.0295: 11 terms leave an error below half an ulp. What 1 + x lost in rounding, relative to u, is added
 * back, so that small x keep all their digits. NaN stays NaN. */
FL_INLINE vd vd_log1p(vd x) {
    static const double term[] = {1,        1 / 3.0,  1 / 5.0,  1 / 7.0,  1 / 9.0, 1 / 11.0,
                                  1 / 13.0, 1 / 15.0, 1 / 17.0, 1 / 19.0, 1 / 21.0};
    /* The bits of sqrt(1/2) and of 1; 2^52, whose low bits are whole numbers. */
    const uint64_t least = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000, whole = 0x4330000000000000;
    const vd u = x + vd_set1(1);
    const vd_bits shifted = vd_as_bits(u) + (one - least);
    const vd m = vd_from_bits((shifted & 0x000fffffffffffff) + least);
    const vd k = vd_from_bits((shifted >> 52) | whole) - vd_set1(4503599627370496.0 + 1023);
    const vd s = (m - vd_set1(1)) / (m + vd_set1(1)), z = s * s;
    vd p = vd_set1(term[10]);
    FL_UNROLL for (int i = 9; i >= 0; i--) p = vd_fma(p, z, vd_set1(term[i]));
    /* ln 2 in two parts, the first with trailing zeros, so that k times it is exact. */
    const vd low = vd_fma(k, vd_set1(1.90821492927058770002e-10), (x - (u - vd_set1(1))) / u);
    return vd_fma(k, vd_set1(6.93147180369123816490e-01), vd_fma(s + s, p, low));
}

#endif
