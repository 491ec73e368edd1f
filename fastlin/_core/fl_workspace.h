/* Memory of the last calls, kept for the next. Included by one module only: the state is its own.
 *
 * malloc gives large pieces back to the system at once, which clears every page it hands out again: for a call of a few
 * rows that costs several times the work itself. So a few rooms of bounded size lie on a shelf; a call borrows one and
 * puts it back when it ends. Taking and putting back are single atomic exchanges: any number of threads may call at
 * once, with or without the GIL, and a child forked in between has a shelf of its own in order.
 */
#ifndef FL_WORKSPACE_H
#define FL_WORKSPACE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Every array starts on a cache line. */
enum { FL_LINE = 64 };
/* At most so many rooms of so many bytes are kept: the calls at once that gain, and the calls that take milliseconds
 * and more, beside which clearing pages is little. */
enum { FL_ROOMS = 4, FL_KEPT_BYTES = 4 * 1024 * 1024 };

typedef struct {
    size_t bytes;
    char *start;
} fl_room;

static _Atomic(fl_room *) fl_shelf[FL_ROOMS];

/* NULL where there is no memory. */
static inline fl_room *fl_room_open(size_t bytes) {
    fl_room *room = malloc(sizeof *room + FL_LINE + bytes);
    if (room) {
        room->bytes = bytes;
        room->start = (char *)(((uintptr_t)(room + 1) + FL_LINE - 1) & ~(uintptr_t)(FL_LINE - 1));
    }
    return room;
}

/* A room that the caller owns until it puts it back; NULL where none is left. */
static inline fl_room *fl_room_borrow(void) {
    for (int i = 0; i < FL_ROOMS; i++) {
        fl_room *room = atomic_exchange_explicit(&fl_shelf[i], NULL, memory_order_acquire);
        if (room) return room;
    }
    return NULL;
}

static inline void fl_room_put_back(fl_room *room) {
    for (int i = 0; room && i < FL_ROOMS; i++) {
        fl_room *empty = NULL;
        if (atomic_compare_exchange_strong_explicit(&fl_shelf[i], &empty, room, memory_order_release,
                                                    memory_order_relaxed))
            return;
    }
    free(room);
}

#endif
