/* Products with visual words in AVX512-BF16: the register tiles of word_tiles.inc.h, two components in a cell.
 *
 * AMD's processors do a vdpbf16ps as fast as a multiply-add of floats, so that this is twice as fast; Intel's take two
 * to four times as long, and there the AMX tiles of fl_words_amx.c are the better ones. Compiled with the flags;
 * without them it is left out.
 */
#if defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) &&               \
    defined(__AVX512VL__)
#define FL_AVX512
#define FL_VECTOR_BYTES 64
#include "fl_bf16.h"
#include "fl_kernels.h"
#include "fl_simd.h"

FL_INLINE vf spread_cell(const float *p) {
    int32_t cell;
    memcpy(&cell, p, sizeof cell);
    return (vf)_mm512_castsi512_ps(_mm512_set1_epi32(cell));
}

FL_INLINE vf dot_cells(vf a, vf b, vf sum) {
    __m512bh a_bh, b_bh;
    memcpy(&a_bh, &a, sizeof a_bh);
    memcpy(&b_bh, &b, sizeof b_bh);
    return (vf)_mm512_dpbf16_ps((__m512)sum, a_bh, b_bh);
}

#define CELL_PARTS 2
#define CELL_PUT(cell, i, value) fl_bf16_put(cell, i, value)
#define CELL_ROW(cells, n, components, count) fl_bf16_row(cells, n, components, count)
#define CELL_SPREAD(p) spread_cell(p)
#define CELL_DOT(a, b, sum) dot_cells(a, b, sum)
#define CELLS_MULTIPLE 1
#define PLAIN_VECTORS 4
#define PANEL_OF(paired) (((paired) ? 2 : PLAIN_VECTORS) * VF_LANES)
#define NAME(kernel) fl_bf16_##kernel##_avx512
#include "word_cells.inc.h"
#include "word_tiles.inc.h"

FL_INLINE vf spread_pair(double value) {
    float cell;
    fl_bf16_put(&cell, 0, (float)value);
    fl_bf16_put(&cell, 1, (float)value);
    return spread_cell(&cell);
}

#define PEAK_VECTOR vf
#define PEAK_SET1(x) spread_pair(x)
#define PEAK_STEP(sum, a, b) dot_cells(a, b, sum)
#define PEAK_SUM(sum) vf_sum(sum)
#include "peaks.inc.h"

const fl_word_products fl_words_bf16 = {
    .name = "bfloat16", .built = 1, .rows = 1, .panel = NAME(panel), .cells = NAME(cells), .pack = NAME(pack),
    .load = NAME(load), .soft = NAME(soft), .dots = NAME(dots),
    .peak = {NAME(multiply_add), 2 * 2 * VF_LANES * PEAK_STEPS},
};
#else
#include "fl_kernels.h"
const fl_word_products fl_words_bf16 = {.name = "bfloat16", .built = 0};
#endif
