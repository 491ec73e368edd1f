/* How classes are cut into groups: the classes whose accumulators fit the registers together.
 *
 * The widest group is a level's FL_GROUP; C classes make ceil(C / FL_GROUP) groups of nearly equal size, the larger
 * ones first. Packed weights, the scores kernel and the gradient kernel all walk these groups.
 */
#ifndef FL_GROUPS_H
#define FL_GROUPS_H

#include <stddef.h>

static inline ptrdiff_t fl_group_count(ptrdiff_t c) { return (c + FL_GROUP - 1) / FL_GROUP; }

static inline ptrdiff_t fl_group_start(ptrdiff_t c, ptrdiff_t group) {
    const ptrdiff_t count = fl_group_count(c), extra = c % count;
    return group * (c / count) + (group < extra ? group : extra);
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
