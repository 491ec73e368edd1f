/* The SIMD vocabulary of one level: vectors of float (vf_*) and double (vd_*), and loads that widen uint8 and float16.
 *
 * Included once by each level's file, after FL_VECTOR_BYTES and, on x86, one of FL_AVX512, FL_AVX2 or FL_SSE2.
 * Arithmetic is GCC's and Clang's vector extension (+ - * on whole vectors); intrinsics stand only where it has no
 * word: fused multiply-add, masked tails, widening, horizontal sums.
 * Rules: every load may be unaligned; reductions run in a fixed tree; max(a, b) is b unless a > b, and min(a, b) is b
 * unless a < b, so that a NaN in b comes through.
 */
#ifndef FL_SIMD_H
#define FL_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(FL_AVX512) || defined(FL_AVX2) || defined(FL_SSE2)
#include <immintrin.h>
#endif

#define FL_INLINE static inline __attribute__((always_inline, unused))
/* Into the second-level cache. */
#define FL_PREFETCH(address) __builtin_prefetch((const void *)(address), 0, 2)
#define FL_VECTOR(type, lanes) type __attribute__((vector_size(sizeof(type) * (lanes))))

/* Unrolling is what turns the tiles' arrays of accumulators into registers. */
#if defined(__clang__)
#define FL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FL_UNROLL _Pragma("GCC unroll 16")
#endif

/* Keeps a vector that is used several times in a register. Compilers else read it from memory at every use, as an
 * operand of the multiply-add, and loads become the limit: Zen 4 does one of 64 bytes a cycle, and one multiply-add. */
#if defined(__x86_64__)
#define FL_KEEP(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define FL_KEEP(v) __asm__("" : "+w"(v))
#else
#define FL_KEEP(v) ((void)0)
#endif
/* Keeps a pointer in a register, so that what lies beside it is addressed from there, not each by a sum of its own. */
#define FL_KEEP_POINTER(p) __asm__("" : "+r"(p))

/* n rounded up to whole vectors. */
FL_INLINE ptrdiff_t fl_whole(ptrdiff_t n, ptrdiff_t lanes) { return (n + lanes - 1) / lanes * lanes; }

#define VF_LANES (FL_VECTOR_BYTES / 4)
#define VD_LANES (FL_VECTOR_BYTES / 8)

typedef FL_VECTOR(float, VF_LANES) vf;
typedef FL_VECTOR(double, VD_LANES) vd;
typedef FL_VECTOR(uint32_t, VF_LANES) vf_bits;
typedef FL_VECTOR(uint64_t, VD_LANES) vd_bits;

/* Words that are the same for both types and all levels. */
#define FL_COMMON(V, real, bits_t, LANES, ROOT)                                                                        \
    FL_INLINE V V##_load(const real *p) {                                                                              \
        V v;                                                                                                           \
        memcpy(&v, p, sizeof v);                                                                                       \
        return v;                                                                                                      \
    }                                                                                                                  \
    FL_INLINE void V##_store(real *p, V v) { memcpy(p, &v, sizeof v); }                                                \
    FL_INLINE V V##_set1(real a) {                                                                                     \
        V zero;                                                                                                        \
        memset(&zero, 0, sizeof zero);                                                                                 \
        return a - zero;                                                                                               \
    }                                                                                                                  \
    /* Lane by lane; compilers make one instruction of it where there is one. */                                       \
    FL_INLINE V V##_sqrt(V v) {                                                                                        \
        real lanes[LANES];                                                                                             \
        V##_store(lanes, v);                                                                                           \
        for (int i = 0; i < (int)(LANES); i++) lanes[i] = (real)ROOT(lanes[i]);                                        \
        return V##_load(lanes);                                                                                        \
    }                                                                                                                  \
    FL_INLINE bits_t V##_as_bits(V v) {                                                                                \
        bits_t b;                                                                                                      \
        memcpy(&b, &v, sizeof b);                                                                                      \
        return b;                                                                                                      \
    }                                                                                                                  \
    FL_INLINE V V##_from_bits(bits_t b) {                                                                              \
        V v;                                                                                                           \
        memcpy(&v, &b, sizeof v);                                                                                      \
        return v;                                                                                                      \
    }

FL_COMMON(vf, float, vf_bits, VF_LANES, sqrtf)
FL_COMMON(vd, double, vd_bits, VD_LANES, sqrt)

/* a < b as all-ones lanes. */
#define VF_LESS(a, b) ((vf_bits)((a) < (b)))
#define VD_LESS(a, b) ((vd_bits)((a) < (b)))
FL_INLINE vf vf_clear(vf_bits where, vf v) { return vf_from_bits(vf_as_bits(v) & ~where); }
FL_INLINE vd vd_clear(vd_bits where, vd v) { return vd_from_bits(vd_as_bits(v) & ~where); }
FL_INLINE vf vf_select(vf_bits m, vf a, vf b) { return vf_from_bits((vf_as_bits(a) & m) | (vf_as_bits(b) & ~m)); }
FL_INLINE vd vd_select(vd_bits m, vd a, vd b) { return vd_from_bits((vd_as_bits(a) & m) | (vd_as_bits(b) & ~m)); }
FL_INLINE vf vf_abs(vf v) { return vf_from_bits(vf_as_bits(v) & 0x7fffffff); }
FL_INLINE vd vd_abs(vd v) { return vd_from_bits(vd_as_bits(v) & 0x7fffffffffffffff); }

#if defined(FL_AVX512)

FL_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
FL_INLINE vd vd_fma(vd a, vd b, vd c) { return (vd)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
FL_INLINE vf vf_max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
FL_INLINE vd vd_max(vd a, vd b) { return (vd)_mm512_max_pd((__m512d)a, (__m512d)b); }
FL_INLINE vf vf_min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
FL_INLINE vd vd_min(vd a, vd b) { return (vd)_mm512_min_pd((__m512d)a, (__m512d)b); }
FL_INLINE __mmask16 fl_mask16(ptrdiff_t n) { return (__mmask16)((1u << n) - 1u); }
FL_INLINE __mmask8 fl_mask8(ptrdiff_t n) { return (__mmask8)((1u << n) - 1u); }
FL_INLINE vf vf_load_part(const float *p, ptrdiff_t n) { return (vf)_mm512_maskz_loadu_ps(fl_mask16(n), p); }
FL_INLINE vd vd_load_part(const double *p, ptrdiff_t n) { return (vd)_mm512_maskz_loadu_pd(fl_mask8(n), p); }
FL_INLINE void vf_store_part(float *p, vf v, ptrdiff_t n) { _mm512_mask_storeu_ps(p, fl_mask16(n), (__m512)v); }
FL_INLINE void vd_store_part(double *p, vd v, ptrdiff_t n) { _mm512_mask_storeu_pd(p, fl_mask8(n), (__m512d)v); }
FL_INLINE vf vf_load_u8(const uint8_t *p) {
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
FL_INLINE vf vf_load_u8_n(const uint8_t *p, ptrdiff_t n) {
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(fl_mask16(n), p)));
}
FL_INLINE vf vf_load_f16(const uint16_t *p) { return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
FL_INLINE vf vf_load_f16_n(const uint16_t *p, ptrdiff_t n) {
    return (vf)_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(fl_mask16(n), p));
}

FL_INLINE void vf_widen(vf v, vd *wide) {
    wide[0] = (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
    wide[1] = (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
}

#elif defined(FL_AVX2)

FL_INLINE void vf_widen(vf v, vd *wide) {
    wide[0] = (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
    wide[1] = (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
}
FL_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
FL_INLINE vd vd_fma(vd a, vd b, vd c) { return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
FL_INLINE vf vf_max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
FL_INLINE vd vd_max(vd a, vd b) { return (vd)_mm256_max_pd((__m256d)a, (__m256d)b); }
FL_INLINE vf vf_min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
FL_INLINE vd vd_min(vd a, vd b) { return (vd)_mm256_min_pd((__m256d)a, (__m256d)b); }
FL_INLINE __m256i fl_mask32x8(ptrdiff_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
FL_INLINE __m256i fl_mask64x4(ptrdiff_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3));
}
FL_INLINE vf vf_load_part(const float *p, ptrdiff_t n) { return (vf)_mm256_maskload_ps(p, fl_mask32x8(n)); }
FL_INLINE vd vd_load_part(const double *p, ptrdiff_t n) { return (vd)_mm256_maskload_pd(p, fl_mask64x4(n)); }
/* AMD's masked stores take some 20 cycles: as long as all of a row of 16 features. */
FL_INLINE void vf_store_part(float *p, vf v, ptrdiff_t n) {
    if (__builtin_constant_p(n))
        memcpy(p, &v, (size_t)n * sizeof *p);
    else
        _mm256_maskstore_ps(p, fl_mask32x8(n), (__m256)v);
}
FL_INLINE void vd_store_part(double *p, vd v, ptrdiff_t n) {
    if (__builtin_constant_p(n))
        memcpy(p, &v, (size_t)n * sizeof *p);
    else
        _mm256_maskstore_pd(p, fl_mask64x4(n), (__m256d)v);
}
FL_INLINE vf vf_load_u8(const uint8_t *p) {
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
FL_INLINE vf vf_load_f16(const uint16_t *p) { return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }

#else /* baseline */

#if defined(__aarch64__)
#include <arm_neon.h>
FL_INLINE vf vf_fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
FL_INLINE vd vd_fma(vd a, vd b, vd c) { return (vd)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
#else
FL_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
FL_INLINE vd vd_fma(vd a, vd b, vd c) { return a * b + c; }
#endif
FL_INLINE void vf_widen(vf v, vd *wide) {
    float lanes[VF_LANES];
    double wider[VF_LANES];
    vf_store(lanes, v);
    for (int i = 0; i < VF_LANES; i++) wider[i] = lanes[i];
    for (int i = 0; i < VF_LANES / VD_LANES; i++) wide[i] = vd_load(wider + i * VD_LANES);
}
#if defined(FL_SSE2)
FL_INLINE vf vf_max(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
FL_INLINE vf vf_min(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }
FL_INLINE vd vd_min(vd a, vd b) { return (vd)_mm_min_pd((__m128d)a, (__m128d)b); }
#else
FL_INLINE vf vf_max(vf a, vf b) { return vf_select(VF_LESS(b, a), a, b); }
FL_INLINE vf vf_min(vf a, vf b) { return vf_select(VF_LESS(a, b), a, b); }
FL_INLINE vd vd_min(vd a, vd b) { return vd_select(VD_LESS(a, b), a, b); }
#endif
FL_INLINE vd vd_max(vd a, vd b) { return vd_select(VD_LESS(b, a), a, b); }
FL_INLINE vf vf_load_part(const float *p, ptrdiff_t n) {
    float lanes[VF_LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i++) lanes[i] = p[i];
    return vf_load(lanes);
}
FL_INLINE vd vd_load_part(const double *p, ptrdiff_t n) {
    double lanes[VD_LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i++) lanes[i] = p[i];
    return vd_load(lanes);
}
FL_INLINE void vf_store_part(float *p, vf v, ptrdiff_t n) { memcpy(p, &v, (size_t)n * sizeof *p); }
FL_INLINE void vd_store_part(double *p, vd v, ptrdiff_t n) { memcpy(p, &v, (size_t)n * sizeof *p); }
#if defined(FL_SSE2)
FL_INLINE vf vf_load_u8(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    const __m128i zero = _mm_setzero_si128();
    return (vf)_mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero));
}
#else
FL_INLINE vf vf_load_u8(const uint8_t *p) {
    float lanes[VF_LANES];
    for (ptrdiff_t i = 0; i < VF_LANES; i++) lanes[i] = p[i];
    return vf_load(lanes);
}
#endif
/* A half's exponent and fraction lie in a float's place after a shift, 2^112 times too small; infinity and NaN have an
 * exponent of their own. Subnormal halves come out right: the multiplication makes them normal. */
FL_INLINE vf vf_load_f16(const uint16_t *p) {
    vf_bits h;
#if defined(FL_SSE2)
    h = (vf_bits)_mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)p), _mm_setzero_si128());
#else
    for (int i = 0; i < VF_LANES; i++) h[i] = p[i];
#endif
    const vf_bits size = (h & 0x7fff) << 13, special = (vf_bits)(size >= (0x7c00u << 13));
    const vf v = vf_from_bits(size) * vf_set1(0x1p112f);
    return vf_from_bits(vf_as_bits(v) | (special & 0x7f800000) | ((h & 0x8000) << 16));
}

#endif

#if !defined(FL_AVX512)
FL_INLINE vf vf_load_u8_n(const uint8_t *p, ptrdiff_t n) {
    uint8_t lanes[VF_LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i++) lanes[i] = p[i];
    return vf_load_u8(lanes);
}
FL_INLINE vf vf_load_f16_n(const uint16_t *p, ptrdiff_t n) {
    uint16_t lanes[VF_LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i++) lanes[i] = p[i];
    return vf_load_f16(lanes);
}
#endif

FL_INLINE void vd_widen(vd v, vd *wide) { wide[0] = v; }

/* Horizontal sum and maximum: halves are folded onto each other, the same tree at every width. */
#if defined(FL_AVX512) || defined(FL_AVX2) || defined(FL_SSE2)
#define FL_FOLD(name, OP)                                                                                              \
    FL_INLINE float vf_##name(vf v) {                                                                                  \
        FL_TO_128F(v, h, OP)                                                                                           \
        h = _mm_##OP##_ps(h, _mm_movehl_ps(h, h));                                                                     \
        h = _mm_##OP##_ss(h, _mm_shuffle_ps(h, h, 1));                                                                 \
        return _mm_cvtss_f32(h);                                                                                       \
    }                                                                                                                  \
    FL_INLINE double vd_##name(vd v) {                                                                                 \
        FL_TO_128D(v, h, OP)                                                                                           \
        h = _mm_##OP##_sd(h, _mm_unpackhi_pd(h, h));                                                                   \
        return _mm_cvtsd_f64(h);                                                                                       \
    }
#if defined(FL_AVX512)
#define FL_TO_128F(v, h, OP)                                                                                           \
    __m256 w = _mm256_##OP##_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));              \
    __m128 h = _mm_##OP##_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
#define FL_TO_128D(v, h, OP)                                                                                           \
    __m256d w = _mm256_##OP##_pd(_mm512_castpd512_pd256((__m512d)v), _mm512_extractf64x4_pd((__m512d)v, 1));           \
    __m128d h = _mm_##OP##_pd(_mm256_castpd256_pd128(w), _mm256_extractf128_pd(w, 1));
#elif defined(FL_AVX2)
#define FL_TO_128F(v, h, OP)                                                                                           \
    __m128 h = _mm_##OP##_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
#define FL_TO_128D(v, h, OP)                                                                                           \
    __m128d h = _mm_##OP##_pd(_mm256_castpd256_pd128((__m256d)v), _mm256_extractf128_pd((__m256d)v, 1));
#else
#define FL_TO_128F(v, h, OP) __m128 h = (__m128)v;
#define FL_TO_128D(v, h, OP) __m128d h = (__m128d)v;
#endif
FL_FOLD(sum, add)
FL_FOLD(largest, max)
#else
#define FL_FOLD(V, real, LANES)                                                                                        \
    FL_INLINE real V##_sum(V v) {                                                                                      \
        real lanes[LANES];                                                                                             \
        V##_store(lanes, v);                                                                                           \
        for (int half = LANES / 2; half > 0; half /= 2)                                                                \
            for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];                                                \
        return lanes[0];                                                                                               \
    }                                                                                                                  \
    FL_INLINE real V##_largest(V v) {                                                                                  \
        real lanes[LANES];                                                                                             \
        V##_store(lanes, v);                                                                                           \
        for (int half = LANES / 2; half > 0; half /= 2)                                                                \
            for (int i = 0; i < half; i++) lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];         \
        return lanes[0];                                                                                               \
    }
FL_FOLD(vf, float, VF_LANES)
FL_FOLD(vd, double, VD_LANES)
#endif

/* Load and store of the first n lanes; n may be all, and costs nothing more where the compiler knows it. */
#define FL_PART(V, real, LANES)                                                                                        \
    FL_INLINE V V##_load_n(const real *p, ptrdiff_t n) {                                                               \
        return __builtin_constant_p(n) && n == (LANES) ? V##_load(p) : V##_load_part(p, n);                            \
    }                                                                                                                  \
    FL_INLINE void V##_store_n(real *p, V v, ptrdiff_t n) {                                                            \
        if (__builtin_constant_p(n) && n == (LANES))                                                                   \
            V##_store(p, v);                                                                                           \
        else                                                                                                           \
            V##_store_part(p, v, n);                                                                                   \
    }
FL_PART(vf, float, VF_LANES)
FL_PART(vd, double, VD_LANES)

/* Does what follows for each vector of the features [first, last): `at` is where it begins, `width` how many lanes it
 * has, a constant for all but the last. Masked stores are slow, and the baseline has none: with them for all, an epoch
 * in batches of 32 takes half as long again (AVX2 on Zen 4), and four times as long at the baseline. */
#define FL_EACH_VECTOR(first, last, lanes, ...)                                                                        \
    do {                                                                                                               \
        ptrdiff_t at = (first);                                                                                        \
        for (; at + (ptrdiff_t)(lanes) <= (last); at += (lanes)) {                                                     \
            const ptrdiff_t width = (lanes);                                                                           \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
        if (at < (last)) {                                                                                             \
            const ptrdiff_t width = (last) - at;                                                                       \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    } while (0)

#endif
