/* binary16 to float without the CPU's help. */
#ifndef FL_HALF_H
#define FL_HALF_H

#include <stdint.h>
#include <string.h>

/* Exponent and mantissa move to their places, and a multiplication by 2^112 mends the exponent's bias, subnormals
 * included; infinities and NaN get all their exponent bits. */
static inline float fl_half_to_float(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    f *= 0x1p112f;
    memcpy(&bits, &f, sizeof f);
    if ((h & 0x7c00) == 0x7c00) bits |= 0x7f800000;
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

#endif
