/* How classes are cut into the parts whose accumulators fit the registers together.
 *
 * n things with at most `most` in a part make ceil(n / most) parts of nearly equal size, the larger ones first. Few
 * classes are cut into groups of at most FL_GROUP classes, many into panels of at most FL_PANEL vectors of classes; the
 * packed weights, the scores kernel and the gradient kernel walk the same parts.
 */
#ifndef FL_GROUPS_H
#define FL_GROUPS_H

#include <stddef.h>

static inline ptrdiff_t fl_cut_count(ptrdiff_t n, ptrdiff_t most) { return (n + most - 1) / most; }

static inline ptrdiff_t fl_cut_start(ptrdiff_t n, ptrdiff_t most, ptrdiff_t part) {
    const ptrdiff_t count = fl_cut_count(n, most), extra = n % count;
    return part * (n / count) + (part < extra ? part : extra);
}

/* How many things the larger parts hold together. */
static inline ptrdiff_t fl_cut_larger(ptrdiff_t n, ptrdiff_t most) {
    const ptrdiff_t count = fl_cut_count(n, most), extra = n % count;
    return fl_cut_start(n, most, extra ? extra : count);
}

/* Calls TILE(k) with the constant k equal to `classes`, so that the tile's loops unroll. */
#define FL_FOR_CLASSES(classes, TILE)                                                                                  \
    switch (classes) {                                                                                                 \
    case 1: TILE(1); break;                                                                                            \
    case 2: TILE(2); break;                                                                                            \
    case 3: TILE(3); break;                                                                                            \
    case 4: TILE(4); break;                                                                                            \
    case 5: TILE(5); break;                                                                                            \
        FL_FOR_MORE_CLASSES(TILE)                                                                                      \
    }
#if FL_GROUP == 5
#define FL_FOR_MORE_CLASSES(TILE)
#elif FL_GROUP == 12
#define FL_FOR_MORE_CLASSES(TILE)                                                                                      \
    case 6: TILE(6); break;                                                                                            \
    case 7: TILE(7); break;                                                                                            \
    case 8: TILE(8); break;                                                                                            \
    case 9: TILE(9); break;                                                                                            \
    case 10: TILE(10); break;                                                                                          \
    case 11: TILE(11); break;                                                                                          \
    case 12: TILE(12); break;
#else
#error "FL_GROUP is 5 or 12"
#endif

#endif
