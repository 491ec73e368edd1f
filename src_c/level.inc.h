/* Template: everything one level offers, and its table. Each fl_level_*.c sets the level's macros and includes this.
 *
 * Needs FL_LEVEL (the suffix of its symbols), FL_LEVEL_NAME, FL_VECTOR_BYTES, and the sizes of its tiles: FL_FEW,
 * FL_GROUP, FL_ROW_TILE(classes), FL_VECTOR_TILE(classes), FL_RUN_ROWS, FL_STRIPE (vectors, or 0),
 * FL_SPARSE_VECTORS, FL_SPARSE_COST, FL_PANEL, FL_PANEL_ROWS, FL_TABLE_CLASSES, FL_WORD_VECTORS.
 */
#include "fl_kernels.h"
#include "fl_simd.h"
#include "fl_simd_image.h"
#include "fl_groups.h"
#include "fl_log.h"
#include "fl_mix.h"

#define FL_PASTE_(a, b, c) fl_##a##_##b##_##c
#define FL_PASTE(a, b, c) FL_PASTE_(a, b, c)

/* float: 24 bits of mantissa; ln 2 in two parts, the first with trailing zeros so that n times it is exact. */
#define REAL float
#define V vf
#define VW(word) vf_##word
#define LANES VF_LANES
#define BITS vf_bits
#define LESS VF_LESS
#define NAME(kernel) FL_PASTE(kernel, real32, FL_LEVEL)
#define EXP_MAGIC 12582912.0
#define EXP_SHIFT 23
#define EXP_ONE 0x3f800000u
#define EXP_LEAST -87.0
#define EXP_SMALL 1e-27
#define EXP_DEGREE 7
#define LN2_HIGH 0.693359375
#define LN2_LOW -2.12194440e-4
#include "real.inc.h"
#undef EXP_MAGIC
#undef EXP_SHIFT
#undef EXP_ONE
#undef EXP_LEAST
#undef EXP_SMALL
#undef EXP_DEGREE
#undef LN2_HIGH
#undef LN2_LOW

#define REAL double
#define V vd
#define VW(word) vd_##word
#define LANES VD_LANES
#define BITS vd_bits
#define LESS VD_LESS
#define NAME(kernel) FL_PASTE(kernel, real64, FL_LEVEL)
#define EXP_MAGIC 6755399441055744.0
#define EXP_SHIFT 52
#define EXP_ONE 0x3ff0000000000000u
#define EXP_LEAST -708.0
#define EXP_SMALL 1e-290
#define EXP_DEGREE 13
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#include "real.inc.h"

#define REAL float
#define V vf
#define VW(word) vf_##word
#define LANES VF_LANES
#define WIDE (VF_LANES / VD_LANES)

#define X uint8_t
#define X_LOAD(p) vf_load_u8(p)
#define X_LOAD_N(p, n) vf_load_u8_n(p, n)
#define NAME(kernel) FL_PASTE(kernel, u8, FL_LEVEL)
#define VALUES_ARE_BYTES 1
#include "images.inc.h"
#include "rows.inc.h"
#undef VALUES_ARE_BYTES
#undef NAME

#define X uint16_t
#define X_LOAD(p) vf_load_f16(p)
#define X_LOAD_N(p, n) vf_load_f16_n(p, n)
#define NAME(kernel) FL_PASTE(kernel, f16, FL_LEVEL)
#include "rows.inc.h"
#undef NAME

#define X float
#define X_LOAD(p) vf_load(p)
#define X_LOAD_N(p, n) vf_load_n(p, n)
#define NAME(kernel) FL_PASTE(kernel, f32, FL_LEVEL)
#define VALUES_ARE_BYTES 0
#include "images.inc.h"
#include "rows.inc.h"
#undef VALUES_ARE_BYTES
#undef NAME
#undef REAL
#undef V
#undef VW
#undef LANES
#undef WIDE

#define REAL double
#define V vd
#define VW(word) vd_##word
#define LANES VD_LANES
#define WIDE 1
#define X double
#define X_LOAD(p) vd_load(p)
#define X_LOAD_N(p, n) vd_load_n(p, n)
#define NAME(kernel) FL_PASTE(kernel, f64, FL_LEVEL)
#define VALUES_ARE_BYTES 0
#include "images.inc.h"
#include "rows.inc.h"
#undef VALUES_ARE_BYTES
#undef NAME

#define NAME(kernel) FL_PASTE(kernel, planes, FL_LEVEL)
#include "planes.inc.h"
#undef NAME

#define NAME(kernel) FL_PASTE(kernel, patches, FL_LEVEL)
#include "patches.inc.h"
#undef NAME

#define CELL_PARTS 1
#define CELL_PUT(cell, part, value) ((cell)[part] = (value))
#define CELL_SPREAD(p) vf_set1(*(p))
#define CELL_DOT(a, b, sum) vf_fma(a, b, sum)
#define CELLS_MULTIPLE 1
#define PLAIN_VECTORS FL_WORD_VECTORS
#define PANEL_OF(paired) (((paired) ? 2 : PLAIN_VECTORS) * VF_LANES)
#define NAME(kernel) FL_PASTE(kernel, words, FL_LEVEL)
#include "word_cells.inc.h"
#include "word_tiles.inc.h"
#undef NAME

#define PEAK_VECTOR vf
#define PEAK_SET1(x) vf_set1((float)(x))
#define PEAK_STEP(sum, a, b) vf_fma(sum, a, b)
#define PEAK_SUM(sum) vf_sum(sum)
#define NAME(kernel) FL_PASTE(kernel, real32, FL_LEVEL)
#include "peaks.inc.h"
#undef NAME

#define PEAK_VECTOR vd
#define PEAK_SET1(x) vd_set1((double)(x))
#define PEAK_STEP(sum, a, b) vd_fma(sum, a, b)
#define PEAK_SUM(sum) vd_sum(sum)
#define NAME(kernel) FL_PASTE(kernel, real64, FL_LEVEL)
#include "peaks.inc.h"
#undef NAME

#define NAME(kernel) FL_PASTE(kernel, bytes, FL_LEVEL)
#include "read.inc.h"
#undef NAME

#define FL_ROWS(storage)                                                                                               \
    {                                                                                                                  \
        FL_PASTE(scores, storage, FL_LEVEL), FL_PASTE(gradient, storage, FL_LEVEL),                                    \
            FL_PASTE(gradient_sparse, storage, FL_LEVEL), FL_PASTE(centre, storage, FL_LEVEL),                         \
            FL_PASTE(moments, storage, FL_LEVEL), FL_RUN_ROWS                                                          \
    }
#define FL_IMAGES(storage)                                                                                             \
    {                                                                                                                  \
        FL_PASTE(hog_scratch, storage, FL_LEVEL), FL_PASTE(hog, storage, FL_LEVEL),                                    \
            FL_PASTE(histogram_prepare, storage, FL_LEVEL), FL_PASTE(histogram, storage, FL_LEVEL)                     \
    }
#define FL_KERNEL(kernel, real) .kernel = FL_PASTE(kernel, real, FL_LEVEL)
#define FL_REAL(real, type, lanes_)                                                                                    \
    {                                                                                                                  \
        .size = sizeof(type), .lanes = lanes_, FL_KERNEL(packed_size, real), FL_KERNEL(pack, real),                    \
        FL_KERNEL(shift_dot, real), FL_KERNEL(loss_rows, real), FL_KERNEL(drop_zeros, real),                           \
        FL_KERNEL(compress, real),                                                                                     \
        FL_KERNEL(add_bias, real), FL_KERNEL(argmax, real), FL_KERNEL(probabilities, real),                            \
        FL_KERNEL(sum_parts, real), FL_KERNEL(balance, real), FL_KERNEL(finish_gradient, real),                        \
        FL_KERNEL(update, real), FL_KERNEL(penalty, real),                                                             \
    }

#define FL_PEAK(real, lanes) {FL_PASTE(multiply_add, real, FL_LEVEL), 2 * (lanes) * PEAK_STEPS}
#define FL_PATCH(kernel) .kernel = FL_PASTE(kernel, patches, FL_LEVEL)
#define FL_WORD(kernel) .kernel = FL_PASTE(kernel, words, FL_LEVEL)

#define FL_TABLE_(level) fl_kernels_##level
#define FL_TABLE(level) FL_TABLE_(level)
const fl_kernels FL_TABLE(FL_LEVEL) = {
    .name = FL_LEVEL_NAME,
    .built = 1,
    .rows = {[FL_U8] = FL_ROWS(u8), [FL_F16] = FL_ROWS(f16), [FL_F32] = FL_ROWS(f32), [FL_F64] = FL_ROWS(f64)},
    .images = {[FL_U8] = FL_IMAGES(u8), [FL_F32] = FL_IMAGES(f32), [FL_F64] = FL_IMAGES(f64)},
    .real = {[FL_REAL32] = FL_REAL(real32, float, VF_LANES), [FL_REAL64] = FL_REAL(real64, double, VD_LANES)},
    .planes = {FL_PASTE(interleave3, planes, FL_LEVEL)},
    .patches = {FL_PATCH(pixels), FL_PATCH(patches), FL_PATCH(contrast), FL_PATCH(triangle), FL_PATCH(nearest),
                FL_PATCH(pool)},
    .words = {.name = "float32", .built = 1, .rows = 1, FL_WORD(panel), FL_WORD(cells), FL_WORD(pack), .load = NULL,
              FL_WORD(soft), FL_WORD(dots), .peak = FL_PEAK(real32, VF_LANES)},
    .peaks = {[FL_REAL32] = FL_PEAK(real32, VF_LANES), [FL_REAL64] = FL_PEAK(real64, VD_LANES)},
    .read = FL_PASTE(read, bytes, FL_LEVEL),
};
