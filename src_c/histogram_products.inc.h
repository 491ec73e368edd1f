/* Template: bins that are products, of histogram.inc.h, which includes this: which they are, and counting by them. */

/* A bin as the whole part of value * per_unit + begin. */
FL_INLINE V NAME(histogram_product)(V value, V per_unit, V begin, V last) {
    return VW(min)(VW(whole)(VW(fma)(value, per_unit, begin)), last);
}

/* Whether that is the bin between whose edges each value of the range lies, as numpy.histogramdd finds it: the product
 * never falls while the value grows, so that it is where it is for the least and for the greatest value of each bin. */
static int NAME(histogram_is_product)(const fl_histogram *plan, int axis) {
    const double *const edges = plan->edges[axis];
    const ptrdiff_t bins = plan->bins[axis];
    const V per_unit = VW(set1)((REAL)plan->per_unit[axis]), begin = VW(set1)((REAL)plan->begin[axis]);
    const V last = VW(set1)((REAL)(bins - 1));
    REAL least = NAME(histogram_up)(edges[0]);
    for (ptrdiff_t k = 0; k < bins; k++) {
        const REAL next = NAME(histogram_up)(edges[k + 1]);
        const REAL greatest = k == bins - 1 ? NAME(histogram_down)(plan->high) : NAME(histogram_below)(next);
        const V first = NAME(histogram_product)(VW(set1)(least), per_unit, begin, last);
        const V end = NAME(histogram_product)(VW(set1)(greatest), per_unit, begin, last);
        if (first[0] != (REAL)k || end[0] != (REAL)k) return 0;
        least = next;
    }
    return 1;
}

/* Counts the channels themselves by such products, from the rows of a cell. Places stand one behind another, and are
 * counted a lag after they were put there: products and counts want different units of the processor, which are busy
 * all the time where the two take turns vector by vector. The last vector of a row may reach into what lies behind the
 * cell, and its surplus places are written over or left uncounted; nothing is read from `limit` on, the image's end. */
FL_INLINE void NAME(histogram_products)(const fl_histogram *plan, const int channels, const int joint, ptrdiff_t rows,
                                        ptrdiff_t n, const X *cell, const X *limit, int32_t *places,
                                        uint32_t *counts) {
    const int tables = joint ? 1 : channels;
    uint32_t *const other = counts + FL_OTHER(plan);
    const V nowhere = VW(set1)((REAL)FL_NOWHERE(plan));
    const V low = VW(set1)(NAME(histogram_up)(plan->low)), high = VW(set1)(NAME(histogram_down)(plan->high));
    V per_unit[FL_MOST_AXES], begin[FL_MOST_AXES], last[FL_MOST_AXES], step[FL_MOST_AXES], first[FL_MOST_AXES];
    FL_UNROLL for (int a = 0; a < channels; a++) {
        per_unit[a] = VW(set1)((REAL)plan->per_unit[a]);
        begin[a] = VW(set1)((REAL)plan->begin[a]);
        last[a] = VW(set1)((REAL)(plan->bins[a] - 1));
        step[a] = VW(set1)((REAL)plan->step[a]);
        first[a] = VW(set1)((REAL)plan->first[a]);
    }
    ptrdiff_t put = 0, counted = 0;
    for (ptrdiff_t y = 0; y < rows; y++) {
        const X *next = cell + y * plan->image.width * channels;
        for (ptrdiff_t left = n; left > 0; left -= LANES, next += LANES * channels) {
            const X *pixels = next;
            X end[FL_MOST_AXES * LANES];
            if (limit - pixels < channels * LANES) {
                memset(end, 0, sizeof end);
                memcpy(end, pixels, (size_t)(limit - pixels) * sizeof *pixels);
                pixels = end;
            }
            V value[FL_MOST_AXES], together = nowhere;
            VW(mask) inside = VW(eq)(nowhere, nowhere);
            if (channels == 3)
                NAME(load_rgb)(pixels, &value[0], &value[1], &value[2]);
            else
                value[0] = X_LOAD(pixels);
            if (put - counted >= FL_HISTOGRAM_LAG) {
                FL_UNROLL for (int a = 0; a < tables; a++)
                    NAME(histogram_count)(LANES, places + a * FL_HISTOGRAM_PART + counted, counts, other);
                counted += LANES;
            }
            FL_UNROLL for (int a = 0; a < channels; a++) {
                const V bin = NAME(histogram_product)(value[a], per_unit[a], begin[a], last[a]);
                const V place = VW(fma)(bin, step[a], first[a]);
                const VW(mask) within = VW(and)(VW(le)(low, value[a]), VW(le)(value[a], high));
                inside = a == 0 ? within : VW(and)(inside, within);
                together = a == 0 ? place : together + place;
                if (!joint) VW(store_whole)(places + a * FL_HISTOGRAM_PART + put, VW(where)(within, place, nowhere));
            }
            if (joint) VW(store_whole)(places + put, VW(where)(inside, together, nowhere));
            put += left < LANES ? left : LANES;
            /* What is uncounted, less than the lag and a vector, goes back to the beginning. */
            if (put > FL_HISTOGRAM_PART - FL_HISTOGRAM_LAG - LANES) {
                FL_UNROLL for (int a = 0; a < tables; a++) {
                    int32_t *const start = places + a * FL_HISTOGRAM_PART;
                    memcpy(start, start + counted, (FL_HISTOGRAM_LAG + LANES) * sizeof *start);
                }
                put -= counted;
                counted = 0;
            }
        }
    }
    FL_UNROLL for (int a = 0; a < tables; a++)
        NAME(histogram_count)(put - counted, places + a * FL_HISTOGRAM_PART + counted, counts, other);
}

static void NAME(histogram_multiply)(const fl_histogram *plan, ptrdiff_t rows, ptrdiff_t n, const X *cell,
                                     const X *limit, int32_t *places, uint32_t *counts) {
    if (plan->image.channels == 1)
        NAME(histogram_products)(plan, 1, 1, rows, n, cell, limit, places, counts);
    else if (plan->joint)
        NAME(histogram_products)(plan, 3, 1, rows, n, cell, limit, places, counts);
    else
        NAME(histogram_products)(plan, 3, 0, rows, n, cell, limit, places, counts);
}
