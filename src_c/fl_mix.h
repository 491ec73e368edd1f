/* Two vectors mixed so that a table of LANES vectors is transposed, or summed across, in log2(LANES) stages.
 *
 * V_mix(stage, a, b): the halves, by stage of lanes 8, 4, 2 and 1 wide, of a and b: `low` holds the lower ones, of a
 * and then of b, `high` the upper ones. Adding the two folds both vectors at once, in the tree of V_sum.
 * V_apart(stage): how far apart the vectors of a pair stand, in such an order of stages that the lanes end up as the
 * vectors stood; those of a transposed table end up permuted, the one of lane i at V_place(i).
 */
#ifndef FL_MIX_H
#define FL_MIX_H

#include "fl_simd.h"

#if defined(FL_AVX512)

enum { VF_STAGES = 4, VD_STAGES = 3 };
FL_INLINE int vf_apart(int stage) { return stage == 0 ? 4 : stage == 1 ? 8 : stage == 2 ? 1 : 2; }
FL_INLINE int vd_apart(int stage) { return stage == 0 ? 2 : stage == 1 ? 4 : 1; }
FL_INLINE int vf_place(int i) { return (i & 8) >> 1 | (i & 4) << 1 | (i & 2) >> 1 | (i & 1) << 1; }
FL_INLINE int vd_place(int i) { return (i & 4) >> 1 | (i & 2) << 1 | (i & 1); }

FL_INLINE void vf_mix(const int stage, vf a, vf b, vf *low, vf *high) {
    const __m512 x = (__m512)a, y = (__m512)b;
    const __m512d xd = _mm512_castps_pd(x), yd = _mm512_castps_pd(y);
    if (stage == 0) {
        *low = (vf)_mm512_shuffle_f32x4(x, y, 0x44);
        *high = (vf)_mm512_shuffle_f32x4(x, y, 0xee);
    } else if (stage == 1) {
        *low = (vf)_mm512_shuffle_f32x4(x, y, 0x88);
        *high = (vf)_mm512_shuffle_f32x4(x, y, 0xdd);
    } else if (stage == 2) {
        *low = (vf)_mm512_castpd_ps(_mm512_unpacklo_pd(xd, yd));
        *high = (vf)_mm512_castpd_ps(_mm512_unpackhi_pd(xd, yd));
    } else {
        *low = (vf)_mm512_shuffle_ps(x, y, 0x88);
        *high = (vf)_mm512_shuffle_ps(x, y, 0xdd);
    }
}

FL_INLINE void vd_mix(const int stage, vd a, vd b, vd *low, vd *high) {
    const __m512d x = (__m512d)a, y = (__m512d)b;
    if (stage == 0) {
        *low = (vd)_mm512_shuffle_f64x2(x, y, 0x44);
        *high = (vd)_mm512_shuffle_f64x2(x, y, 0xee);
    } else if (stage == 1) {
        *low = (vd)_mm512_shuffle_f64x2(x, y, 0x88);
        *high = (vd)_mm512_shuffle_f64x2(x, y, 0xdd);
    } else {
        *low = (vd)_mm512_unpacklo_pd(x, y);
        *high = (vd)_mm512_unpackhi_pd(x, y);
    }
}

#elif defined(FL_AVX2)

enum { VF_STAGES = 3, VD_STAGES = 2 };
FL_INLINE int vf_apart(int stage) { return stage == 0 ? 4 : stage == 1 ? 1 : 2; }
FL_INLINE int vd_apart(int stage) { return stage == 0 ? 2 : 1; }
FL_INLINE int vf_place(int i) { return (i & 4) | (i & 2) >> 1 | (i & 1) << 1; }
FL_INLINE int vd_place(int i) { return i; }

FL_INLINE void vf_mix(const int stage, vf a, vf b, vf *low, vf *high) {
    const __m256 x = (__m256)a, y = (__m256)b;
    const __m256d xd = _mm256_castps_pd(x), yd = _mm256_castps_pd(y);
    if (stage == 0) {
        *low = (vf)_mm256_permute2f128_ps(x, y, 0x20);
        *high = (vf)_mm256_permute2f128_ps(x, y, 0x31);
    } else if (stage == 1) {
        *low = (vf)_mm256_castpd_ps(_mm256_unpacklo_pd(xd, yd));
        *high = (vf)_mm256_castpd_ps(_mm256_unpackhi_pd(xd, yd));
    } else {
        *low = (vf)_mm256_shuffle_ps(x, y, 0x88);
        *high = (vf)_mm256_shuffle_ps(x, y, 0xdd);
    }
}

FL_INLINE void vd_mix(const int stage, vd a, vd b, vd *low, vd *high) {
    const __m256d x = (__m256d)a, y = (__m256d)b;
    *low = (vd)(stage == 0 ? _mm256_permute2f128_pd(x, y, 0x20) : _mm256_unpacklo_pd(x, y));
    *high = (vd)(stage == 0 ? _mm256_permute2f128_pd(x, y, 0x31) : _mm256_unpackhi_pd(x, y));
}

#else /* baseline */

enum { VF_STAGES = 2, VD_STAGES = 1 };
FL_INLINE int vf_apart(int stage) { return stage == 0 ? 1 : 2; }
FL_INLINE int vd_apart(int stage) { return stage + 1; }
FL_INLINE int vf_place(int i) { return (i & 2) >> 1 | (i & 1) << 1; }
FL_INLINE int vd_place(int i) { return i; }

FL_INLINE void vf_mix(const int stage, vf a, vf b, vf *low, vf *high) {
    if (stage == 0) {
        *low = (vf){a[0], a[1], b[0], b[1]};
        *high = (vf){a[2], a[3], b[2], b[3]};
    } else {
        *low = (vf){a[0], a[2], b[0], b[2]};
        *high = (vf){a[1], a[3], b[1], b[3]};
    }
}

FL_INLINE void vd_mix(const int stage, vd a, vd b, vd *low, vd *high) {
    (void)stage;
    *low = (vd){a[0], b[0]};
    *high = (vd){a[1], b[1]};
}

#endif

/* V_sums(n, v): lane i is the sum of the lanes of v[i], for i < n <= LANES.
 * V_transpose(v): the table of LANES vectors, in place; lane i's vector at V_place(i). */
#define FL_TABLES(V, LANES, STAGES)                                                                                    \
    FL_INLINE V V##_sums(const int n, const V *v) {                                                                    \
        V part[LANES];                                                                                                 \
        int gone = 0;                                                                                                  \
        FL_UNROLL for (int i = 0; i < (int)(LANES); i++) part[i] = v[i < n ? i : 0];                                   \
        FL_UNROLL for (int stage = 0; stage < STAGES; stage++) {                                                       \
            const int apart = V##_apart(stage);                                                                        \
            gone |= apart;                                                                                             \
            FL_UNROLL for (int i = 0; i < (int)(LANES); i++) {                                                         \
                if ((i & gone) || i >= n) continue;                                                                    \
                V low, high;                                                                                           \
                V##_mix(stage, part[i], part[i + apart < n ? i + apart : i], &low, &high);                             \
                part[i] = low + high;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        return part[0];                                                                                                \
    }                                                                                                                  \
    FL_INLINE void V##_transpose(V *v) {                                                                               \
        FL_UNROLL for (int stage = 0; stage < STAGES; stage++) {                                                       \
            const int apart = V##_apart(stage);                                                                        \
            FL_UNROLL for (int i = 0; i < (int)(LANES); i++) {                                                         \
                if (i & apart) continue;                                                                               \
                V low, high;                                                                                           \
                V##_mix(stage, v[i], v[i + apart], &low, &high);                                                       \
                v[i] = low;                                                                                            \
                v[i + apart] = high;                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    }
FL_TABLES(vf, VF_LANES, VF_STAGES)
FL_TABLES(vd, VD_LANES, VD_STAGES)

#endif
