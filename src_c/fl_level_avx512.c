/* AVX-512 F, BW, DQ and VL. Compiled with those flags; without them the level is left out, never half built. */
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define FL_AVX512
#define FL_LEVEL avx512
#define FL_LEVEL_NAME "avx512"
#define FL_VECTOR_BYTES 64
/* 32 registers; the plan in rows.inc.h counts them. */
#define FL_GROUP 12
#define FL_ROW_TILE(classes) ((classes) <= 2 ? 8 : (classes) <= 5 ? 4 : (classes) <= 9 ? 3 : 2)
#define FL_VECTOR_TILE(classes) ((classes) <= 2 ? 8 : (classes) <= 5 ? 4 : 2)
#define FL_RUN_ROWS 128
#define FL_STRIPE 0
#define FL_SPARSE_VECTORS 6
#define FL_SPARSE_COST 6
#define FL_FEW 112
#define FL_TABLE_CLASSES 40
#define FL_PANEL 3
#define FL_PANEL_ROWS 8
#define FL_WORD_VECTORS 4
#include "level.inc.h"
#else
#include "fl_kernels.h"
const fl_kernels fl_kernels_avx512 = {.name = "avx512", .built = 0};
#endif
