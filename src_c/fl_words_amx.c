/* Products with visual words in Intel's AMX tiles: bfloat16 in, float out. Compiled with the flags; without them it is
 * left out.
 *
 * Plan. A tile register holds 16 rows of 64 bytes: 16 positions x 32 components, 32 components x 16 words, or 16 x 16
 * products, which one instruction makes out of the two others at 16 times the rate of float32 vectors. The products
 * come back to the vectors through 2 KiB of first-level cache, and what is done with them there, about 10 operations
 * for the 4 numbers of a pair, is more than half of the time. The next tile's products are begun before this one's are
 * summed up, and stored after.
 *   tile registers   products with even and odd components: 2; positions 2, words 2.
 *   vectors          a pair's 4 sums, two of each (consecutive positions go to different ones, for the latency of an
 *                    addition): 8; the 4 totals; of plain words 2 x 2 and 2.
 * A run of positions seldom is a multiple of 16: the last tile is computed whole, from the rows behind, and summed in
 * part.
 */
#if defined(__AMXBF16__) && !defined(__AMX_BF16__) /* as older versions of Clang spell it */
#define __AMX_BF16__ 1
#define __AMX_TILE__ 1
#endif
#if defined(__AMX_BF16__) && defined(__AMX_TILE__) && defined(__AVX512F__) && defined(__AVX512BW__) &&                 \
    defined(__AVX512DQ__) && defined(__AVX512VL__)
#define FL_AVX512
#define FL_VECTOR_BYTES 64
#include "fl_bf16.h"
#include "fl_kernels.h"
#include "fl_simd.h"

#define SIDE 16 /* rows of a tile, and cells or floats of a row */

#define CELL_PARTS 2
#define CELL_PUT(cell, i, value) fl_bf16_put(cell, i, value)
#define CELL_ROW(cells, n, components, count) fl_bf16_row(cells, n, components, count)
#define CELLS_MULTIPLE SIDE
#define PANEL_OF(paired) ((void)(paired), SIDE)
#define NAME(kernel) fl_amx_##kernel##_avx512
#include "word_cells.inc.h"

/* All eight registers whole: palette 1, 16 rows of 64 bytes. */
FL_INLINE void tiles_on(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config;
    memset(&config, 0, sizeof config);
    config.palette = 1;
    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = SIDE;
    }
    _tile_loadconfig(&config);
}

typedef struct {
    float e[SIDE * SIDE], o[SIDE * SIDE];
} products;

/* Products of 16 positions and a panel, in tile 0 of the even components, in tile 1 of the odd ones where there are. */
FL_INLINE void multiply(const float *row, ptrdiff_t even, ptrdiff_t odd, const float *panel) {
    const ptrdiff_t row_bytes = (even + odd) * 4;
    _tile_zero(0);
    for (ptrdiff_t k = 0; k < even; k += SIDE) {
        _tile_loadd(4, row + k, row_bytes);
        _tile_loadd(6, panel + k * SIDE, 64);
        _tile_dpbf16ps(0, 4, 6);
    }
    if (odd) {
        _tile_zero(1);
        for (ptrdiff_t k = even; k < even + odd; k += SIDE) {
            _tile_loadd(5, row + k, row_bytes);
            _tile_loadd(7, panel + k * SIDE, 64);
            _tile_dpbf16ps(1, 5, 7);
        }
    }
}

FL_INLINE void put(const int paired, products *to) {
    _tile_stored(0, to->e, 64);
    if (paired) _tile_stored(1, to->o, 64);
}

/* Sums of one tile: what passed the threshold above and below, of the products and of their mirrors'. */
FL_INLINE void sum_up(const int paired, const products *from, int rows, vf a, vf minus_a, vf (*sums)[4]) {
    FL_UNROLL for (int way = 0; way < 2; way++)
        FL_UNROLL for (int map = 0; map < 4; map++) sums[way][map] = vf_set1(0.0f);
#define SUM_ROW(way, r)                                                                                                \
    do {                                                                                                               \
        const vf e = vf_load(from->e + (r) * SIDE);                                                                    \
        if (paired) {                                                                                                  \
            const vf o = vf_load(from->o + (r) * SIDE), p = e + o, q = e - o;                                          \
            sums[way][0] = sums[way][0] + vf_max(a, p);                                                                \
            sums[way][1] = sums[way][1] + vf_min(minus_a, p);                                                          \
            sums[way][2] = sums[way][2] + vf_max(a, q);                                                                \
            sums[way][3] = sums[way][3] + vf_min(minus_a, q);                                                          \
        } else {                                                                                                       \
            sums[way][0] = sums[way][0] + vf_max(a, e);                                                                \
            sums[way][1] = sums[way][1] + vf_min(minus_a, e);                                                          \
        }                                                                                                              \
    } while (0)
    if (rows == SIDE) {
        FL_UNROLL for (int r = 0; r < SIDE; r += 2) {
            SUM_ROW(0, r);
            SUM_ROW(1, r + 1);
        }
    } else {
        int r = 0;
        for (; r + 2 <= rows; r += 2) {
            SUM_ROW(0, r);
            SUM_ROW(1, r + 1);
        }
        if (r < rows) SUM_ROW(0, r);
    }
#undef SUM_ROW
}

FL_INLINE void soft_of(const int paired, const fl_words *words, ptrdiff_t n_runs, const fl_run *runs, const float *rows,
                       const float *packed, float threshold, float *sums) {
    const ptrdiff_t even = NAME(cells_of)(words->even), odd = NAME(cells_of)(words->odd), cells = even + odd;
    const ptrdiff_t maps = paired ? 4 : 2, padded = words->padded;
    const vf a = vf_set1(threshold), minus_a = vf_set1(-threshold);
    /* What the threshold alone gives, by the additions of sum_up: so that a sum that nothing passes is exactly zero. */
    float alone[SIDE + 1], way[SIDE / 2 + 1] = {0.0f};
    for (int r = 1; r <= SIDE / 2; r++) way[r] = way[r - 1] + threshold;
    for (int r = 0; r <= SIDE; r++) alone[r] = way[(r + 1) / 2] + way[r / 2];
    tiles_on();
    for (ptrdiff_t w = 0; w < padded; w += SIDE, packed += SIDE * cells) {
        for (const fl_run *run = runs; run < runs + n_runs; run++) {
            float *s = sums + run->region * maps * padded + w;
            const float *row = rows + run->first * cells;
            products made[2];
            vf total[4];
            FL_UNROLL for (int map = 0; map < maps; map++) total[map] = vf_load(s + map * padded);
            multiply(row, even, odd, packed);
            put(paired, &made[0]);
            for (ptrdiff_t first = 0, turn = 0; first < run->n; first += SIDE, turn ^= 1) {
                const int n = (int)(run->n - first < SIDE ? run->n - first : SIDE);
                vf sum[2][4];
                const int more = first + SIDE < run->n;
                if (more) multiply(row + (first + SIDE) * cells, even, odd, packed);
                sum_up(paired, &made[turn], n, a, minus_a, sum);
                if (more) put(paired, &made[turn ^ 1]);
                const vf off = vf_set1(alone[n]);
                FL_UNROLL for (int map = 0; map < maps; map++) {
                    const vf both = sum[0][map] + sum[1][map];
                    total[map] = map & 1 ? total[map] - (both + off) : total[map] + (both - off);
                }
            }
            FL_UNROLL for (int map = 0; map < maps; map++) vf_store(s + map * padded, total[map]);
        }
    }
    _tile_release();
}

static void NAME(soft)(const fl_words *words, ptrdiff_t n_runs, const fl_run *runs, const float *rows,
                       const float *packed, float threshold, float *sums) {
    if (words->odd)
        soft_of(1, words, n_runs, runs, rows, packed, threshold, sums);
    else
        soft_of(0, words, n_runs, runs, rows, packed, threshold, sums);
}

static void NAME(dots)(const fl_words *words, ptrdiff_t n, const float *rows, const float *packed, float *dots) {
    const ptrdiff_t even = NAME(cells_of)(words->even), odd = NAME(cells_of)(words->odd), cells = even + odd;
    const ptrdiff_t padded = words->padded, ld_dots = (odd ? 2 : 1) * padded;
    products made;
    tiles_on();
    for (ptrdiff_t w = 0; w < padded; w += SIDE, packed += SIDE * cells) {
        for (ptrdiff_t first = 0; first < n; first += SIDE) {
            multiply(rows + first * cells, even, odd, packed);
            put(odd > 0, &made);
            const int there = (int)(n - first < SIDE ? n - first : SIDE);
            for (int r = 0; r < there; r++) {
                float *to = dots + (first + r) * ld_dots + w;
                const vf e = vf_load(made.e + r * SIDE);
                if (odd) {
                    const vf o = vf_load(made.o + r * SIDE);
                    vf_store(to, e + o);
                    vf_store(to + padded, e - o);
                } else {
                    vf_store(to, e);
                }
            }
        }
    }
    _tile_release();
}

const fl_word_products fl_words_amx = {
    .name = "bfloat16", .built = 1, .rows = SIDE, .panel = NAME(panel), .cells = NAME(cells), .pack = NAME(pack),
    .load = NAME(load), .soft = NAME(soft), .dots = NAME(dots),
};
#else
#include "fl_kernels.h"
const fl_word_products fl_words_amx = {.name = "bfloat16", .built = 0};
#endif
