/* Elements of any dtype, stride and byte order to float or double: rows that the kernels cannot read as they lie pass
 * through here a tile at a time. Speed is second to generality; one plain loop for each pair of types. */
#include "fl_half.h"
#include "fl_kernels.h"

#include <string.h>

/* Bytes of one element, turned round where the array has the other byte order. */
static void fetch(void *to, const char *from, size_t size, int swapped) {
    unsigned char *out = to;
    if (!swapped)
        memcpy(to, from, size);
    else
        for (size_t i = 0; i < size; i++) out[i] = (unsigned char)from[size - 1 - i];
}

#define CONVERT(type, value_of, real)                                                                                  \
    for (ptrdiff_t r = 0; r < n; r++) {                                                                                \
        const char *x = (const char *)x_n[r] + d0 * col_stride;                                                        \
        real *out = (real *)out_nd + r * ld_out;                                                                       \
        for (ptrdiff_t d = d0; d < d1; d++, x += col_stride) {                                                         \
            type v;                                                                                                    \
            fetch(&v, x, sizeof v, swapped);                                                                           \
            *out++ = (real)value_of(v);                                                                                \
        }                                                                                                              \
    }
#define PLAIN(v) (v)
#define CASE(code, type, value_of)                                                                                     \
    case code:                                                                                                         \
        if (real == FL_REAL32) {                                                                                       \
            CONVERT(type, value_of, float)                                                                             \
        } else {                                                                                                       \
            CONVERT(type, value_of, double)                                                                            \
        }                                                                                                              \
        break;

void fl_convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out) {
    switch (code) {
        CASE('?', uint8_t, PLAIN)
        CASE('b', int8_t, PLAIN)
        CASE('B', uint8_t, PLAIN)
        CASE('h', int16_t, PLAIN)
        CASE('H', uint16_t, PLAIN)
        CASE('i', int, PLAIN)
        CASE('I', unsigned, PLAIN)
        CASE('l', long, PLAIN)
        CASE('L', unsigned long, PLAIN)
        CASE('q', long long, PLAIN)
        CASE('Q', unsigned long long, PLAIN)
        CASE('e', uint16_t, fl_half_to_float)
        CASE('f', float, PLAIN)
        CASE('d', double, PLAIN)
    }
}
