/* The level every CPU of the architecture has: SSE2 on x86-64, NEON on AArch64, else what 16 bytes make. */
#define FL_LEVEL baseline
#define FL_LEVEL_NAME "baseline"
#define FL_VECTOR_BYTES 16
/* 16 registers; the plan in rows.inc.h counts them. */
#define FL_GROUP 5
#define FL_ROW_TILE(classes) ((classes) <= 2 ? 4 : 2)
#define FL_VECTOR_TILE(classes) ((classes) <= 2 ? 4 : 2)
#define FL_RUN_ROWS 64
#define FL_STRIPE 8
#define FL_SPARSE_VECTORS 8
#define FL_SPARSE_COST 5
#define FL_FEW 112
#define FL_TABLE_CLASSES 16
#define FL_PANEL 3
#define FL_PANEL_ROWS 4
#if defined(__SSE2__)
#define FL_SSE2
#endif
#define FL_WORD_VECTORS 2
#include "level.inc.h"
