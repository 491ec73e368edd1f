/* Template: histograms of the colours of one image, for one storage type at one level.
 *
 * Needs what pixels.inc.h needs, and that it was included; VALUES_ARE_BYTES, 1 or 0.
 *
 * Plan. Which bin is arithmetic by whole vectors; counting is one memory update a pixel, in two tables that take turns,
 * so that neighbours of the same colour need not wait for each other. Where the bins of the channels themselves are
 * products, one loop does both: histogram_products.inc.h. Else a row's part is brought to planes, binned, and counted;
 * but uint8 RGB and grey, also where a level cannot shuffle bytes, are looked up: 256 places an axis, and a pixel's
 * place in the table is their sum. What lies outside the range is counted in a place of its own behind the table, and
 * so is seen without another look at the image.
 *
 * Hue, saturation and value are compared as fractions of whole numbers where the image is uint8:
 *     hue = 60 degrees * (k + difference / chroma), by the largest channel k = 0, g - b; k = 2, b - r; k = 4, r - g
 *     saturation = chroma / largest,  value = largest / white
 * Numerators and denominators are exact in float, and a quotient that is rounded to nearest reaches a whole number only
 * where the fraction itself does (they are further apart than a rounding), so that each pixel falls in the bin of exact
 * arithmetic. Black and greys have hue 0, and black saturation 0.
 */

#ifndef FL_HISTOGRAM_LAYOUT
#define FL_HISTOGRAM_LAYOUT
/* Pixels of a row that are binned at a time: their planes and places stay in the first-level cache. */
#define FL_HISTOGRAM_PART 256
/* Pixels between a product and its counting: their places have long been stored when they are read one by one. */
#define FL_HISTOGRAM_LAG 64
/* Up to so many bins an axis a value is compared with every edge; a scalar search costs as much as some forty. */
#define FL_HISTOGRAM_COMPARED 32
/* Pixels outside the range are counted behind the table. */
#define FL_NOWHERE(plan) ((plan)->size)
#define FL_OTHER(plan) ((plan)->size + 1)
/* Grey is the luma of ITU-R BT.601, in thousandths. */
#define FL_LUMA(red, green, blue) (299 * (red) + 587 * (green) + 114 * (blue))
#endif

/* numerator / denominator of the range, as one of so many bins; the range's end belongs to the last one. */
FL_INLINE V NAME(histogram_bin)(V numerator, V denominator, V bins) {
    const V bin = VW(whole)(numerator * bins / denominator), last = bins - VW(set1)(1);
    return VW(where)(VW(lt)(bin, last), bin, last);
}

/* Places of hue, saturation and value. */
static void NAME(histogram_hsv)(const fl_histogram *plan, ptrdiff_t n, const REAL *planes, int32_t *places) {
    const V zero = VW(set1)(0), one = VW(set1)(1), white = VW(set1)((REAL)plan->white);
    const V nowhere = VW(set1)((REAL)FL_NOWHERE(plan));
    V bins[FL_MOST_AXES], step[FL_MOST_AXES], begin[FL_MOST_AXES];
    for (int a = 0; a < plan->axes; a++) {
        bins[a] = VW(set1)((REAL)plan->bins[a]);
        step[a] = VW(set1)((REAL)plan->step[a]);
        begin[a] = VW(set1)((REAL)plan->first[a]);
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const V r = VW(load)(planes + i), g = VW(load)(planes + FL_HISTOGRAM_PART + i);
        const V b = VW(load)(planes + 2 * FL_HISTOGRAM_PART + i);
        const VW(mask) red_over_green = VW(lt)(g, r);
        const V most = VW(where)(red_over_green, r, g), least = VW(where)(red_over_green, g, r);
        const V largest = VW(where)(VW(lt)(most, b), b, most), smallest = VW(where)(VW(lt)(b, least), b, least);
        const V chroma = largest - smallest, two = chroma + chroma;
        V hue = VW(where)(VW(eq)(g, largest), two + (b - r), g - b);
        hue = VW(where)(VW(eq)(b, largest), two + two + (r - g), hue);
        hue = VW(add_where)(hue, VW(lt)(hue, zero), two + two + two);
        const VW(mask) grey = VW(eq)(chroma, zero);
        V place = NAME(histogram_bin)(hue, VW(where)(grey, one, two + two + two), bins[0]) * step[0] + begin[0];
        /* Of a NaN one of the comparisons is false. */
        const VW(mask) within = VW(and)(VW(le)(zero, smallest), VW(le)(largest, white));
        const VW(mask) inside = VW(and)(within, VW(eq)(b, b));
        if (plan->axes > 1) {
            const V saturation = NAME(histogram_bin)(chroma, VW(where)(VW(eq)(largest, zero), one, largest), bins[1]);
            const V value = NAME(histogram_bin)(largest, white, bins[2]);
            const V second = saturation * step[1] + begin[1], third = value * step[2] + begin[2];
            if (plan->joint) {
                place = place + second + third;
            } else {
                VW(store_whole)(places + FL_HISTOGRAM_PART + i, VW(where)(inside, second, nowhere));
                VW(store_whole)(places + 2 * FL_HISTOGRAM_PART + i, VW(where)(inside, third, nowhere));
            }
        }
        VW(store_whole)(places + i, VW(where)(inside, place, nowhere));
    }
}

/* The smallest number of this type that is not below `edge`, and the largest that is not above it: comparisons with
 * them are those with the edge. */
FL_INLINE REAL NAME(histogram_up)(double edge) {
    const REAL number = (REAL)edge;
    return (double)number < edge ? (REAL)nextafterf((float)number, INFINITY) : number;
}
FL_INLINE REAL NAME(histogram_down)(double edge) {
    const REAL number = (REAL)edge;
    return (double)number > edge ? (REAL)nextafterf((float)number, -INFINITY) : number;
}
/* The largest number of this type below another. */
FL_INLINE REAL NAME(histogram_below)(REAL number) {
    return sizeof(REAL) == sizeof(double) ? (REAL)nextafter((double)number, -INFINITY)
                                          : (REAL)nextafterf((float)number, -INFINITY);
}

/* Counts n pixels whose places are known; two at a time, one a table. */
FL_INLINE void NAME(histogram_count)(ptrdiff_t n, const int32_t *places, uint32_t *counts, uint32_t *other) {
    ptrdiff_t i = 0;
    for (; i + 2 <= n; i += 2) {
        counts[places[i]]++;
        other[places[i + 1]]++;
    }
    if (i < n) counts[places[i]]++;
}

#include "histogram_products.inc.h"

/* Completes a plan; returns the bytes of scratch that it needs. */
static size_t NAME(histogram_prepare)(fl_histogram *plan) {
    const ptrdiff_t numbers = FL_MOST_AXES * FL_HISTOGRAM_PART;
    plan->multiply = (!VALUES_ARE_BYTES || FL_SHUFFLES_BYTES) && (plan->space == FL_RGB || plan->image.channels == 1);
    for (int a = 0; a < plan->axes; a++) {
        plan->per_unit[a] = (double)plan->bins[a] / (plan->high - plan->low);
        plan->begin[a] = -plan->low * plan->per_unit[a];
        plan->multiply = plan->multiply && NAME(histogram_is_product)(plan, a);
    }
    return (size_t)numbers * (sizeof(REAL) + sizeof(int32_t)) + (size_t)(2 * FL_OTHER(plan)) * sizeof(uint32_t);
}

/* Where rounding forbids products, and there are few bins: as many as the inner edges that the value has reached. Four
 * vectors at a time, as an edge serves all; what lies behind n in the planes is binned too, and not counted. */
static void NAME(histogram_compare)(const fl_histogram *plan, ptrdiff_t n, const REAL *planes, int32_t *places) {
    const V one = VW(set1)(1), nowhere = VW(set1)((REAL)FL_NOWHERE(plan));
    const V low = VW(set1)(NAME(histogram_up)(plan->low)), high = VW(set1)(NAME(histogram_down)(plan->high));
    REAL edges[FL_MOST_AXES][FL_HISTOGRAM_COMPARED];
    for (int a = 0; a < plan->axes; a++)
        for (ptrdiff_t k = 1; k < plan->bins[a]; k++) edges[a][k] = NAME(histogram_up)(plan->edges[a][k]);
    for (ptrdiff_t i = 0; i < n; i += 4 * LANES) {
        V together[4];
        VW(mask) inside[4];
        FL_UNROLL for (int j = 0; j < 4; j++) {
            together[j] = VW(set1)(0);
            inside[j] = VW(eq)(one, one);
        }
        for (int a = 0; a < plan->axes; a++) {
            const V step = VW(set1)((REAL)plan->step[a]), first = VW(set1)((REAL)plan->first[a]);
            V value[4], bin[4];
            FL_UNROLL for (int j = 0; j < 4; j++) {
                value[j] = VW(load)(planes + a * FL_HISTOGRAM_PART + i + j * LANES);
                bin[j] = VW(set1)(0);
            }
            for (ptrdiff_t k = 1; k < plan->bins[a]; k++) {
                const V edge = VW(set1)(edges[a][k]);
                FL_UNROLL for (int j = 0; j < 4; j++) bin[j] = VW(add_where)(bin[j], VW(le)(edge, value[j]), one);
            }
            FL_UNROLL for (int j = 0; j < 4; j++) {
                const VW(mask) within = VW(and)(VW(le)(low, value[j]), VW(le)(value[j], high));
                const V place = VW(fma)(bin[j], step, first);
                inside[j] = VW(and)(inside[j], within);
                together[j] = together[j] + place;
                if (!plan->joint)
                    VW(store_whole)(places + a * FL_HISTOGRAM_PART + i + j * LANES, VW(where)(within, place, nowhere));
            }
        }
        if (plan->joint)
            FL_UNROLL for (int j = 0; j < 4; j++)
                VW(store_whole)(places + i + j * LANES, VW(where)(inside[j], together[j], nowhere));
    }
}

/* Many bins: by a division, which the edges correct. */
static void NAME(histogram_divide)(const fl_histogram *plan, ptrdiff_t n, const REAL *planes, int32_t *places) {
    const int32_t nowhere = (int32_t)FL_NOWHERE(plan);
    for (int a = 0; a < plan->axes; a++, planes += FL_HISTOGRAM_PART) {
        const double low = plan->low, high = plan->high, per_unit = (double)plan->bins[a] / (high - low);
        const double *const edges = plan->edges[a];
        const int32_t last = (int32_t)plan->bins[a] - 1, step = (int32_t)plan->step[a], first = (int32_t)plan->first[a];
        int32_t *const places_a = plan->joint ? places : places + a * FL_HISTOGRAM_PART;
        for (ptrdiff_t i = 0; i < n; i++) {
            const double value = (double)planes[i];
            const int inside = (value >= low) & (value <= high);
            const double v = inside ? value : low;
            int32_t bin = (int32_t)((v - low) * per_unit);
            bin = bin < last ? bin : last;
            bin -= v < edges[bin];
            bin += (bin < last) & (v >= edges[bin + 1]);
            int32_t place = inside ? bin * step + first : nowhere;
            if (plan->joint && a > 0)
                place = place == nowhere || places_a[i] == nowhere ? nowhere : places_a[i] + place;
            places_a[i] = place;
        }
    }
}

static void NAME(histogram_channels)(const fl_histogram *plan, ptrdiff_t n, const REAL *planes, int32_t *places) {
    ptrdiff_t most = 0;
    for (int a = 0; a < plan->axes; a++) most = plan->bins[a] > most ? plan->bins[a] : most;
    if (most <= FL_HISTOGRAM_COMPARED)
        NAME(histogram_compare)(plan, n, planes, places);
    else
        NAME(histogram_divide)(plan, n, planes, places);
}

/* Places of the luma of colours; in double, where thousandths of bytes times bins are exact. That of a colour whose
 * channels do not all lie in the range may, so that those colours are counted here. */
static void NAME(histogram_luma)(const fl_histogram *plan, ptrdiff_t n, const REAL *planes, int32_t *places,
                                 uint32_t *outside) {
    const double low = 1000 * plan->low, high = 1000 * plan->high, bins = (double)plan->bins[0];
    const int32_t nowhere = (int32_t)FL_NOWHERE(plan);
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL *const red = planes + i, *const green = red + FL_HISTOGRAM_PART;
        const double r = (double)*red, g = (double)*green, b = (double)green[FL_HISTOGRAM_PART];
        const double luma = FL_LUMA(r, g, b);
        const int red_in = (plan->low <= r) & (r <= plan->high), green_in = (plan->low <= g) & (g <= plan->high);
        *outside += !(red_in & green_in & (plan->low <= b) & (b <= plan->high));
        const double bin = (luma - low) * bins / (high - low);
        places[i] = luma >= low && luma <= high ? (int32_t)(bin < bins - 1 ? bin : bins - 1) : nowhere;
    }
}

#if VALUES_ARE_BYTES
/* Counts n pixels, looking up their places; two at a time, one a table. */
FL_INLINE void NAME(histogram_look_up)(const fl_histogram *plan, const int channels, ptrdiff_t n, const X *row,
                                       uint32_t *counts) {
    const int32_t *const *const place = plan->place;
    uint32_t *const other = counts + FL_OTHER(plan);
    const ptrdiff_t even = n / 2 * 2;
    if (plan->joint && channels == 3) {
        const int32_t *const p0 = place[0], *const p1 = place[1], *const p2 = place[2];
        for (ptrdiff_t i = 0; i < even; i += 2, row += 6) {
            counts[p0[row[0]] + p1[row[1]] + p2[row[2]]]++;
            other[p0[row[3]] + p1[row[4]] + p2[row[5]]]++;
        }
        if (even < n) counts[p0[row[0]] + p1[row[1]] + p2[row[2]]]++;
        return;
    }
    for (int a = 0; a < channels; a++) {
        const int32_t *const p = place[a];
        const X *value = row + a;
        for (ptrdiff_t i = 0; i < even; i += 2, value += 2 * channels) {
            counts[p[value[0]]]++;
            other[p[value[channels]]]++;
        }
        if (even < n) counts[p[*value]]++;
    }
}
#endif

static void NAME(histogram_row)(const fl_histogram *plan, ptrdiff_t n, const X *row, REAL *planes, int32_t *places,
                                uint32_t *counts) {
    const ptrdiff_t channels = plan->image.channels;
#if VALUES_ARE_BYTES
    if (plan->space == FL_RGB || channels == 1) {
        if (channels == 3)
            NAME(histogram_look_up)(plan, 3, n, row, counts);
        else
            NAME(histogram_look_up)(plan, 1, n, row, counts);
        return;
    }
#endif
    for (ptrdiff_t i = 0; i < n; i += FL_HISTOGRAM_PART) {
        const ptrdiff_t part = n - i < FL_HISTOGRAM_PART ? n - i : FL_HISTOGRAM_PART;
        NAME(to_planes)(part, channels, row + i * channels, planes, FL_HISTOGRAM_PART);
        if (plan->space == FL_RGB || channels == 1)
            NAME(histogram_channels)(plan, part, planes, places);
        else if (plan->space == FL_GRAY)
            NAME(histogram_luma)(plan, part, planes, places, counts + FL_NOWHERE(plan));
        else
            NAME(histogram_hsv)(plan, part, planes, places);
        for (int a = 0; a < (plan->joint ? 1 : plan->axes); a++)
            NAME(histogram_count)(part, places + a * FL_HISTOGRAM_PART, counts, counts + FL_OTHER(plan));
    }
}

/* One histogram of `size` counts in two tables: out = (their sum / norm) ** power. */
static void NAME(histogram_finish)(const fl_histogram *plan, ptrdiff_t size, const uint32_t *counts, REAL *out) {
    const uint32_t *const other = counts + FL_OTHER(plan);
    double scale = 1;
    if (plan->norm != FL_NORM_NONE) {
        uint64_t total = 0, squares = 0;
        for (ptrdiff_t i = 0; i < size; i++) {
            const uint64_t count = counts[i] + other[i];
            total += count;
            squares += count * count;
        }
        if (total > 0) scale = 1 / (plan->norm == FL_NORM_L1 ? (double)total : sqrt((double)squares));
    }
    for (ptrdiff_t i = 0; i < size; i++) out[i] = (REAL)((double)(counts[i] + other[i]) * scale);
    if (plan->power == 0.5) {
        ptrdiff_t i = 0;
        for (; i + LANES <= size; i += LANES) VW(store)(out + i, VW(sqrt)(VW(load)(out + i)));
        if (i < size) VW(store_n)(out + i, VW(sqrt)(VW(load_n)(out + i, size - i)), size - i);
    } else if (plan->power != 1) {
        for (ptrdiff_t i = 0; i < size; i++) out[i] = out[i] > 0 ? (REAL)pow((double)out[i], plan->power) : 0;
    }
}

static int NAME(histogram)(const fl_histogram *plan, const void *image, void *features, void *scratch) {
    const ptrdiff_t height = plan->image.height, width = plan->image.width, channels = plan->image.channels;
    REAL *out = (REAL *)features, *const planes = (REAL *)scratch;
    int32_t *const places = (int32_t *)(planes + FL_MOST_AXES * FL_HISTOGRAM_PART);
    uint32_t *const counts = (uint32_t *)(places + FL_MOST_AXES * FL_HISTOGRAM_PART);
    const X *const pixels = (const X *)image, *const limit = pixels + height * width * channels;
    int outside = 0;
    for (ptrdiff_t gy = 0; gy < plan->grid_height; gy++)
        for (ptrdiff_t gx = 0; gx < plan->grid_width; gx++) {
            const ptrdiff_t y0 = gy * height / plan->grid_height, y1 = (gy + 1) * height / plan->grid_height;
            const ptrdiff_t x0 = gx * width / plan->grid_width, x1 = (gx + 1) * width / plan->grid_width;
            memset(counts, 0, (size_t)(2 * FL_OTHER(plan)) * sizeof *counts);
            /* Rows of a cell as wide as the image lie one behind the other: they are as one. */
            const ptrdiff_t rows = x1 - x0 == width ? 1 : y1 - y0, n = (x1 - x0) * (y1 - y0) / rows;
            const X *const cell = pixels + (y0 * width + x0) * channels;
            if (plan->multiply)
                NAME(histogram_multiply)(plan, rows, n, cell, limit, places, counts);
            else
                for (ptrdiff_t y = 0; y < rows; y++)
                    NAME(histogram_row)(plan, n, cell + y * width * channels, planes, places, counts);
            outside |= counts[FL_NOWHERE(plan)] + counts[FL_OTHER(plan) + FL_NOWHERE(plan)] > 0;
            for (int a = 0; a < (plan->joint ? 1 : plan->axes); a++) {
                const ptrdiff_t size = plan->joint ? plan->size : plan->bins[a];
                NAME(histogram_finish)(plan, size, counts + plan->first[a], out);
                out += size;
            }
        }
    return outside;
}
