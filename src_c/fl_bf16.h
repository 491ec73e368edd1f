/* bfloat16: the upper half of a float, rounded to nearest, ties to even. For finite numbers; with AVX-512. */
#ifndef FL_BF16_H
#define FL_BF16_H

#include "fl_simd.h"

static inline uint16_t fl_bf16(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Component i of cells that hold two of them each. */
static inline void fl_bf16_put(float *cell, ptrdiff_t i, float value) {
    const uint16_t half = fl_bf16(value);
    memcpy((char *)cell + 2 * i, &half, sizeof half);
}

/* n cells: `count` components, rounded, and zeros. */
FL_INLINE void fl_bf16_row(float *cells, ptrdiff_t n, const float *components, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < 2 * n; i += VF_LANES) {
        const ptrdiff_t left = count - i, there = left < 0 ? 0 : left < VF_LANES ? left : VF_LANES;
        const ptrdiff_t room = 2 * n - i < VF_LANES ? 2 * n - i : VF_LANES;
        const vf_bits bits = vf_as_bits(vf_load_n(components + i, there));
        const __m512i rounded = (__m512i)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
        _mm512_mask_cvtepi32_storeu_epi16((char *)cells + 2 * i, fl_mask16(room), rounded);
    }
}

#endif
