/* bfloat16: the upper half of a float, rounded to nearest, ties to even. For finite numbers. */
#ifndef FL_BF16_H
#define FL_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t fl_bf16(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Component i of cells that hold two of them each. */
static inline void fl_bf16_put(float *cell, ptrdiff_t i, float value) {
    const uint16_t half = fl_bf16(value);
    memcpy((char *)cell + 2 * i, &half, sizeof half);
}

#endif
