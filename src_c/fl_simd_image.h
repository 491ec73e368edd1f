/* More words of one level's SIMD vocabulary, those of the image kernels: masks, sums of neighbours, pixels.
 *
 * vf_mask and vd_mask hold a truth value a lane: mask registers with AVX-512, else all-ones lanes.
 */
#ifndef FL_SIMD_IMAGE_H
#define FL_SIMD_IMAGE_H

#include "fl_simd.h"

#if defined(FL_AVX512)

#define FL_MASKS(V, mask, m512, type)                                                                                  \
    typedef mask V##_mask;                                                                                             \
    FL_INLINE V##_mask V##_lt(V a, V b) { return _mm512_cmp_##type##_mask((m512)a, (m512)b, _CMP_LT_OQ); }             \
    FL_INLINE V##_mask V##_le(V a, V b) { return _mm512_cmp_##type##_mask((m512)a, (m512)b, _CMP_LE_OQ); }             \
    FL_INLINE V##_mask V##_eq(V a, V b) { return _mm512_cmp_##type##_mask((m512)a, (m512)b, _CMP_EQ_OQ); }             \
    FL_INLINE V##_mask V##_and(V##_mask a, V##_mask b) { return (V##_mask)(a & b); }                                   \
    FL_INLINE V##_mask V##_or(V##_mask a, V##_mask b) { return (V##_mask)(a | b); }                                    \
    FL_INLINE V##_mask V##_and_not(V##_mask a, V##_mask b) { return (V##_mask)(a & ~b); }                              \
    FL_INLINE V V##_where(V##_mask m, V a, V b) { return (V)_mm512_mask_blend_##type(m, (m512)b, (m512)a); }           \
    FL_INLINE V V##_keep(V##_mask m, V a) { return (V)_mm512_maskz_mov_##type(m, (m512)a); }                           \
    FL_INLINE V V##_add_where(V sum, V##_mask m, V a) {                                                                \
        return (V)_mm512_mask_add_##type((m512)sum, m, (m512)sum, (m512)a);                                            \
    }
FL_MASKS(vf, __mmask16, __m512, ps)
FL_MASKS(vd, __mmask8, __m512d, pd)

FL_INLINE vf vf_pair_sums(vf a, vf b) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return (vf)_mm512_add_ps(_mm512_permutex2var_ps((__m512)a, even, (__m512)b),
                             _mm512_permutex2var_ps((__m512)a, odd, (__m512)b));
}
FL_INLINE vd vd_pair_sums(vd a, vd b) {
    const __m512i even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i odd = _mm512_add_epi64(even, _mm512_set1_epi64(1));
    return (vd)_mm512_add_pd(_mm512_permutex2var_pd((__m512d)a, even, (__m512d)b),
                             _mm512_permutex2var_pd((__m512d)a, odd, (__m512d)b));
}

#else

#define FL_MASKS(V, bits)                                                                                              \
    typedef bits V##_mask;                                                                                             \
    FL_INLINE V##_mask V##_lt(V a, V b) { return (bits)(a < b); }                                                      \
    FL_INLINE V##_mask V##_le(V a, V b) { return (bits)(a <= b); }                                                     \
    FL_INLINE V##_mask V##_eq(V a, V b) { return (bits)(a == b); }                                                     \
    FL_INLINE V##_mask V##_and(V##_mask a, V##_mask b) { return a & b; }                                               \
    FL_INLINE V##_mask V##_or(V##_mask a, V##_mask b) { return a | b; }                                                \
    FL_INLINE V##_mask V##_and_not(V##_mask a, V##_mask b) { return a & ~b; }                                          \
    FL_INLINE V V##_where(V##_mask m, V a, V b) { return V##_select(m, a, b); }                                        \
    FL_INLINE V V##_keep(V##_mask m, V a) { return V##_from_bits(V##_as_bits(a) & m); }                                \
    FL_INLINE V V##_add_where(V sum, V##_mask m, V a) { return sum + V##_keep(m, a); }
FL_MASKS(vf, vf_bits)
FL_MASKS(vd, vd_bits)

#if defined(FL_AVX2)
/* The sums come in 128-bit halves of a and b in turn; pairs of them are put in order. */
FL_INLINE vf vf_pair_sums(vf a, vf b) {
    const __m256 halves = _mm256_hadd_ps((__m256)a, (__m256)b);
    return (vf)_mm256_permute4x64_pd(_mm256_castps_pd(halves), 0xd8);
}
FL_INLINE vd vd_pair_sums(vd a, vd b) {
    return (vd)_mm256_permute4x64_pd(_mm256_hadd_pd((__m256d)a, (__m256d)b), 0xd8);
}
#elif defined(FL_SSE2)
FL_INLINE vf vf_pair_sums(vf a, vf b) {
    return (vf)_mm_add_ps(_mm_shuffle_ps((__m128)a, (__m128)b, 0x88), _mm_shuffle_ps((__m128)a, (__m128)b, 0xdd));
}
FL_INLINE vd vd_pair_sums(vd a, vd b) {
    return (vd)_mm_add_pd(_mm_unpacklo_pd((__m128d)a, (__m128d)b), _mm_unpackhi_pd((__m128d)a, (__m128d)b));
}
#else
#define FL_BY_LANES(V, LANES)                                                                                          \
    FL_INLINE V V##_pair_sums(V a, V b) {                                                                              \
        V sums = a;                                                                                                    \
        for (int i = 0; i < LANES / 2; i++) {                                                                          \
            sums[i] = a[2 * i] + a[2 * i + 1];                                                                         \
            sums[LANES / 2 + i] = b[2 * i] + b[2 * i + 1];                                                             \
        }                                                                                                              \
        return sums;                                                                                                   \
    }
FL_BY_LANES(vf, VF_LANES)
FL_BY_LANES(vd, VD_LANES)
#endif
#endif

/* The channels of as many pixels as a vector has lanes, lane by lane, where a level has no shuffle for them. */
#define FL_LOAD_RGB(name, V, X, LANES)                                                                                 \
    FL_INLINE void name(const X *p, V *red, V *green, V *blue) {                                                       \
        V r = {0}, g = {0}, b = {0};                                                                                   \
        for (int i = 0; i < (LANES); i++) r[i] = p[3 * i], g[i] = p[3 * i + 1], b[i] = p[3 * i + 2];                   \
        *red = r, *green = g, *blue = b;                                                                               \
    }

/* 3 * VF_LANES bytes, of which every third begins a pixel, as three vectors. Four pixels are 12 bytes: shuffled into
 * 16, a pixel a lane, the channels are cut out of the lanes. FL_SHUFFLES_BYTES: whether the level can. */
#if defined(FL_AVX512) || defined(FL_AVX2)
#define FL_SHUFFLES_BYTES 1
#if defined(FL_AVX512)
#define FL_PIXELS(word) _mm512_##word
#define FL_PIXELS_SI(word) _mm512_##word##_si512
typedef __m512i fl_pixels;
FL_INLINE fl_pixels fl_load_fours(const uint8_t *p) {
    const __m512i fours = _mm512_setr_epi32(0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0);
    return _mm512_permutexvar_epi32(fours, _mm512_maskz_loadu_epi32(0xfff, p));
}
#define FL_EACH_FOUR(x) _mm512_broadcast_i32x4(x)
#else
#define FL_PIXELS(word) _mm256_##word
#define FL_PIXELS_SI(word) _mm256_##word##_si256
typedef __m256i fl_pixels;
FL_INLINE fl_pixels fl_load_fours(const uint8_t *p) {
    const __m128i first = _mm_loadu_si128((const __m128i *)p);
    const __m128i second = _mm_srli_si128(_mm_loadu_si128((const __m128i *)(p + 8)), 4);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
}
#define FL_EACH_FOUR(x) _mm256_broadcastsi128_si256(x)
#endif
FL_INLINE void vf_load_rgb_u8(const uint8_t *p, vf *red, vf *green, vf *blue) {
    const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    const fl_pixels pixels = FL_PIXELS(shuffle_epi8)(fl_load_fours(p), FL_EACH_FOUR(spread));
    const fl_pixels byte = FL_PIXELS(set1_epi32)(255);
    *red = (vf)FL_PIXELS(cvtepi32_ps)(FL_PIXELS_SI(and)(pixels, byte));
    *green = (vf)FL_PIXELS(cvtepi32_ps)(FL_PIXELS_SI(and)(FL_PIXELS(srli_epi32)(pixels, 8), byte));
    *blue = (vf)FL_PIXELS(cvtepi32_ps)(FL_PIXELS(srli_epi32)(pixels, 16));
}
#else
#define FL_SHUFFLES_BYTES 0
FL_LOAD_RGB(vf_load_rgb_u8, vf, uint8_t, VF_LANES)
#endif

/* 3 * LANES numbers, of which every third begins a pixel, as three vectors. Four pixels of floats or two of doubles are
 * three times 128 bits, and are shuffled in 128 bits of three registers; wider ones hold more such pixels. */
#if defined(FL_AVX512) || defined(FL_AVX2) || defined(FL_SSE2)
#if defined(FL_AVX512)
#define FL_PARTS(word) _mm512_##word
#define FL_PARTS_OF(low) ((low) | (low) << 2 | (low) << 4 | (low) << 6)
typedef __m512 fl_ps;
typedef __m512d fl_pd;
FL_INLINE fl_ps fl_parts_ps(const float *p) {
    __m512 parts = _mm512_castps128_ps512(_mm_loadu_ps(p));
    parts = _mm512_insertf32x4(parts, _mm_loadu_ps(p + 12), 1);
    parts = _mm512_insertf32x4(parts, _mm_loadu_ps(p + 24), 2);
    return _mm512_insertf32x4(parts, _mm_loadu_ps(p + 36), 3);
}
FL_INLINE fl_pd fl_parts_pd(const double *p) {
    __m512d parts = _mm512_castpd128_pd512(_mm_loadu_pd(p));
    parts = _mm512_insertf64x2(parts, _mm_loadu_pd(p + 6), 1);
    parts = _mm512_insertf64x2(parts, _mm_loadu_pd(p + 12), 2);
    return _mm512_insertf64x2(parts, _mm_loadu_pd(p + 18), 3);
}
#elif defined(FL_AVX2)
#define FL_PARTS(word) _mm256_##word
#define FL_PARTS_OF(low) ((low) | (low) << 2)
typedef __m256 fl_ps;
typedef __m256d fl_pd;
FL_INLINE fl_ps fl_parts_ps(const float *p) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + 12), 1);
}
FL_INLINE fl_pd fl_parts_pd(const double *p) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(p)), _mm_loadu_pd(p + 6), 1);
}
#else
#define FL_PARTS(word) _mm_##word
#define FL_PARTS_OF(low) (low)
typedef __m128 fl_ps;
typedef __m128d fl_pd;
FL_INLINE fl_ps fl_parts_ps(const float *p) { return _mm_loadu_ps(p); }
FL_INLINE fl_pd fl_parts_pd(const double *p) { return _mm_loadu_pd(p); }
#endif
FL_INLINE void vf_load_rgb(const float *p, vf *red, vf *green, vf *blue) {
    const fl_ps rgbr = fl_parts_ps(p), gbrg = fl_parts_ps(p + 4), brgb = fl_parts_ps(p + 8);
    const fl_ps rgrg = FL_PARTS(shuffle_ps)(gbrg, brgb, _MM_SHUFFLE(2, 1, 3, 2));
    const fl_ps gbgb = FL_PARTS(shuffle_ps)(rgbr, gbrg, _MM_SHUFFLE(1, 0, 2, 1));
    *red = (vf)FL_PARTS(shuffle_ps)(rgbr, rgrg, _MM_SHUFFLE(2, 0, 3, 0));
    *green = (vf)FL_PARTS(shuffle_ps)(gbgb, rgrg, _MM_SHUFFLE(3, 1, 2, 0));
    *blue = (vf)FL_PARTS(shuffle_ps)(gbgb, brgb, _MM_SHUFFLE(3, 0, 3, 1));
}
FL_INLINE void vd_load_rgb(const double *p, vd *red, vd *green, vd *blue) {
    const fl_pd rg = fl_parts_pd(p), br = fl_parts_pd(p + 2), gb = fl_parts_pd(p + 4);
    *red = (vd)FL_PARTS(shuffle_pd)(rg, br, FL_PARTS_OF(2));
    *green = (vd)FL_PARTS(shuffle_pd)(rg, gb, FL_PARTS_OF(1));
    *blue = (vd)FL_PARTS(shuffle_pd)(br, gb, FL_PARTS_OF(2));
}
#else
FL_LOAD_RGB(vf_load_rgb, vf, float, VF_LANES)
FL_LOAD_RGB(vd_load_rgb, vd, double, VD_LANES)
#endif

/* Of numbers >= 0, the next larger ones where asked for. */
FL_INLINE vf vf_next_where(vf_mask m, vf a) { return vf_where(m, vf_from_bits(vf_as_bits(a) + 1), a); }
FL_INLINE vd vd_next_where(vd_mask m, vd a) { return vd_where(m, vd_from_bits(vd_as_bits(a) + 1), a); }

/* The whole part of numbers >= 0 that are small enough for int32. */
#if defined(FL_AVX512)
FL_INLINE vf vf_whole(vf a) { return (vf)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
FL_INLINE vd vd_whole(vd a) { return (vd)_mm512_roundscale_pd((__m512d)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
#elif defined(FL_AVX2)
FL_INLINE vf vf_whole(vf a) { return (vf)_mm256_round_ps((__m256)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
FL_INLINE vd vd_whole(vd a) { return (vd)_mm256_round_pd((__m256d)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
#else
FL_INLINE vf vf_whole(vf a) {
    typedef FL_VECTOR(int32_t, VF_LANES) whole;
    return __builtin_convertvector(__builtin_convertvector(a, whole), vf);
}
FL_INLINE vd vd_whole(vd a) {
    typedef FL_VECTOR(int32_t, VD_LANES) whole;
    return __builtin_convertvector(__builtin_convertvector(a, whole), vd);
}
#endif

/* Numbers without a fraction as int32. */
FL_INLINE void vf_store_whole(int32_t *p, vf a) {
    typedef FL_VECTOR(int32_t, VF_LANES) whole;
    const whole numbers = __builtin_convertvector(a, whole);
    memcpy(p, &numbers, sizeof numbers);
}
FL_INLINE void vd_store_whole(int32_t *p, vd a) {
    typedef FL_VECTOR(int32_t, VD_LANES) whole;
    const whole numbers = __builtin_convertvector(a, whole);
    memcpy(p, &numbers, sizeof numbers);
}

/* The angle of (x, y), y >= 0, in [0, pi]; of (0, 0) it is 0.
 * float: a polynomial for atan(t) / t in t^2 on [0, 1], of nearly the least maximum error of its degree: 2e-8.
 * double: the C library, a lane at a time. */
FL_INLINE vf vf_angle(vf y, vf x) {
    static const float coefficient[] = {0.0024567009f, -0.014401266f, 0.039781079f,  -0.072348453f, 0.1049894f,
                                        -0.14161228f,  0.19985907f,   -0.33332598f, 0.99999988f};
    const vf zero = vf_set1(0), one = vf_set1(1), across = vf_abs(x);
    const vf_mask steep = vf_lt(across, y);
    const vf larger = vf_where(steep, y, across), smaller = vf_where(steep, across, y);
    const vf t = smaller / vf_where(vf_eq(larger, zero), one, larger), square = t * t;
    vf sum = vf_set1(coefficient[0]);
    FL_UNROLL for (int i = 1; i < 9; i++) sum = vf_fma(sum, square, vf_set1(coefficient[i]));
    vf angle = sum * t;
    angle = vf_where(steep, vf_set1(1.57079637f) - angle, angle);
    return vf_where(vf_lt(x, zero), vf_set1(3.14159274f) - angle, angle);
}
FL_INLINE vd vd_angle(vd y, vd x) {
    vd angle = x;
    for (int i = 0; i < VD_LANES; i++) angle[i] = atan2(y[i], x[i]);
    return angle;
}

#endif
