/* Template: the kernels that read rows, for one storage type at one level.
 *
 * Needs X (storage type), X_LOAD(p), X_LOAD_N(p, n) (a vector, or its first n lanes, as `real`), REAL, V (vector type),
 * VW(word) (that type's SIMD words), LANES, WIDE (vectors of double that hold one of V), NAME(kernel).
 *
 * Plan. Both products of a block of rows are sums of products over a long axis: scores over features, gradient over
 * rows. Each keeps a tile of accumulators in registers, and one axis of the tile in the lanes of vectors; the storage
 * type is widened in the load. Registers: 32 with AVX-512, else 16.
 *
 * scores_few   Up to FL_FEW classes, no multiple of a vector: lanes are features. FL_ROW_TILE rows x the classes of a
 *              group: a step of one vector of features loads a vector of each row and of each class's weights, for
 *              rows x classes multiply-adds. Whichever are fewer rest in registers meanwhile, the others pass through
 *              one: 2 x 12 sums + 2 rows + 1 weight = 27 registers, 3 x 9 + 3 + 1 = 31, 4 x 5 + 4 + 1 = 25 and
 *              8 x 2 + 2 + 1 = 19 where classes are few; 2 x 5 + 2 + 1 = 13 and 4 x 3 + 3 + 1 = 16 of 16. Weights come
 *              packed in just this order, so they are one stream; features are cut into strips whose weights stay in
 *              the first-level cache while all rows of the block pass. Between strips sums rest in `scratch`, so that
 *              rounding errors grow with the strip's length, not the row's; lanes are added up once, at the end.
 * scores_many  More classes waste little of their last vector: lanes are classes, and need no adding up. FL_PANEL_ROWS
 *              rows x a panel of up to 3 vectors of classes: a step of one feature loads the panel's weights and
 *              broadcasts a number of each row. 8 x 3 sums + 3 weights + 1 = 28 registers; 4 x 3 + 3 + 1 = 16 of 16. A
 *              strip of the block's rows is widened once into `scratch`, and a panel's strip of weights stays in the
 *              first-level cache while the rows pass.
 * gradient     Lanes are features: a group's classes x FL_VECTOR_TILE vectors, the rows of the block streaming by.
 *              12 x 2 sums + 2 rows + 1 coefficient = 27 registers, 5 x 4 + 4 + 1 = 25 and 2 x 8 + 2 + 1 = 19 where
 *              classes are few; 5 x 2 + 2 + 1 = 13 and 3 x 4 + 3 + 1 = 16 of 16. A coefficient is broadcast once for
 *              all vectors. Of several groups each first gathers its coefficients, which lie rows apart. FL_RUN_ROWS
 *              rows at a time: at most 128 additions one after the other, for the sake of float's 24 bits; 64 where
 *              registers are few, as more groups pass over the rows while they are near (AVX2, 768 x 100: 5 %).
 *
 *              Where registers are few (FL_STRIPE) and several groups pass over rows that lie a bad distance apart, or
 *              are to be widened, the first group leaves a copy of what it read, widened, in the first-level cache. At
 *              the baseline, whose multiplication and addition need a register more, the copy is made before it.
 *
 * gradient_sparse   The same from lists, where most numbers of a class are 0, or most are one number of the row
 *              (sparse.inc.h). FL_SPARSE_VECTORS x 1 class: 8 sums + 1 factor of 16 registers; 6 with AVX-512, as the
 *              rows' features, copied and widened once for all classes, are to stay in the first-level cache: 64 rows x
 *              6 vectors of 64 bytes are 24 KiB. As they are copied, the sum of all rows is taken. AVX2, two thirds of
 *              the margins violated: 3072 x 10 15 % less time for loss and gradient, 768 x 100 24 %.
 *
 * Memory. A block's rows lie anywhere, and strips are too short for the hardware to see a stream in them; so each strip
 * of scores_few asks for the next one's lines, the last strip or the gradient, which finds its own rows in cache, for
 * the first strip of the rows to come (`next_n`). Then both phases run as fast from memory as from cache. (Where the
 * gradient asks for whole rows, memory rests half of the time: that pays for FL_ASKS_WHOLE alone.) With up to three
 * classes memory is the limit, and both ask; with one or two the last strip of the scores for one half of a row, the
 * gradient, at half the pace, for the other.
 * Processors fetch lines in pairs: so the gradient's tiles begin at a pair of lines (`to_line`).
 *
 * The order of every sum depends on the shape and the level, that of lists on the numbers of the block's rows too;
 * never on threads.
 */

#ifndef FL_STRIP_BYTES
/* A strip of scores_few: 18 KiB of weights, of the smallest first-level cache (32 KiB), the rest is for rows (768 x 100
 * gains 3 % over 16 KiB; with 20 KiB, AVX2 loses 5 % on rows of 3072); and at most 128 additions one after the other, for
 * the sake of float's 24 bits. */
#define FL_STRIP_BYTES 18432
#define FL_STRIP_STEPS 128
/* A strip of scores_many: as many additions; 128 x 3 vectors of 64 bytes are 24 KiB of weights. A block's strip, 128
 * numbers a row, fits FL_SCRATCH_BYTES. */
#define FL_PANEL_STRIP 128
/* Where a step is a small part of a line, asking for memory costs more than it brings. */
#define FL_ASKS (FL_VECTOR_BYTES > 16 && LANES * sizeof(X) >= 16)
/* Rows of 8 bytes a feature that one group passes over are asked for whole: there is time for all of them, and the
 * strips that the scores ask for come too late where rows lie anywhere (3073 x 10, batches of 200: 5 % less time). */
#define FL_ASKS_WHOLE(c) (sizeof(X) == 8 && (c) > 3 && (c) <= FL_GROUP)
#define FL_COPIES_FIRST (FL_VECTOR_BYTES == 16)
/* Of up to so many classes the tiles of lists begin at a line; of more, a short tile at the end costs more than that
 * brings. */
#define FL_SPARSE_ALIGNED 16
/* Features for each that the gradient asks for; more of one or two classes, where it and the scores ask for a half each
 * (BOUND_BY_MEMORY of rows.pxd). */
#define FL_ASK_PACE(classes) ((classes) > 2 ? 1 : 2)
#endif

/* Features of a strip of scores_few: strips are of equal length, in whole vectors. */
FL_INLINE ptrdiff_t NAME(strip)(ptrdiff_t d, ptrdiff_t classes) {
    const ptrdiff_t in_cache = FL_STRIP_BYTES / (classes * LANES * (ptrdiff_t)sizeof(REAL));
    const ptrdiff_t most = in_cache < FL_STRIP_STEPS ? in_cache : FL_STRIP_STEPS, steps = fl_whole(d, LANES) / LANES;
    const ptrdiff_t strips = (steps + most - 1) / most;
    return (steps + strips - 1) / strips * LANES;
}

#include "scores.inc.h"

#include "gradient.inc.h"

#include "gradient_sparse.inc.h"

/* For rows far from zero beside their spread: the sums of x and of what a shift takes off again would cancel, and lose
 * the digits that x - shift keeps. */
static void NAME(centre)(ptrdiff_t n, const void *const *x_n, ptrdiff_t d0, ptrdiff_t d1, const void *centre_d,
                         void *out_nd, ptrdiff_t ld_out) {
    const REAL *centre = (const REAL *)centre_d;
    for (ptrdiff_t r = 0; r < n; r++) {
        const X *x = (const X *)x_n[r] + d0;
        REAL *out = (REAL *)out_nd + r * ld_out;
        ptrdiff_t i = 0;
        for (; i + LANES <= d1 - d0; i += LANES) VW(store)(out + i, X_LOAD(x + i) - VW(load)(centre + i));
        const ptrdiff_t rest = d1 - d0 - i;
        if (rest) VW(store_n)(out + i, X_LOAD_N(x + i, rest) - VW(load_n)(centre + i, rest), rest);
    }
}

#include "moments.inc.h"

#undef X
#undef X_LOAD
#undef X_LOAD_N
