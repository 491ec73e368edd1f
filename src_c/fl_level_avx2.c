/* AVX2 with FMA and F16C. Compiled with those flags; without them the level is left out, never half built. */
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define FL_AVX2
#define FL_LEVEL avx2
#define FL_LEVEL_NAME "avx2"
#define FL_VECTOR_BYTES 32
/* 16 registers; the plan in rows.inc.h counts them. */
#define FL_GROUP 5
#define FL_ROW_TILE(classes) ((classes) <= 3 ? 4 : 2)
#define FL_VECTOR_TILE(classes) ((classes) <= 3 ? 4 : 2)
#define FL_RUN_ROWS 64
#define FL_STRIPE 4
#define FL_SPARSE_VECTORS 8
#define FL_SPARSE_COST 5
#define FL_FEW 40
#define FL_TABLE_CLASSES 40
#define FL_PANEL 3
#define FL_PANEL_ROWS 4
#define FL_WORD_VECTORS 2
#include "level.inc.h"
#else
#include "fl_kernels.h"
const fl_kernels fl_kernels_avx2 = {.name = "avx2", .built = 0};
#endif
