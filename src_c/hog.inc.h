/* Template: histograms of oriented gradients of one image, for one storage type at one level.
 *
 * Needs what pixels.inc.h needs, and that it was included.
 *
 * Plan. Lanes are pixels of a row; a row of the image passes once and three rows are at hand, a plane a channel.
 *
 * (A) Gradient. Differences of the pixels beside and above, of the channel in which their square sum is largest. A
 *     plane goes on beyond its ends as a mirror would have it, which makes the differences at the border zero, as they
 *     should be, with no special case. Differences of uint8 and their squares are exact in float.
 * (B) Vote. The gradient is turned by half a turn where it points down, so that y >= 0; its angle is then at or beyond
 *     an edge just where  x <= cotangent(edge) * y.  One product and one comparison an edge, no arc tangent; a bin
 *     takes the magnitudes between its two edges. Bins lie alike left and right of the vertical, so that |x| and the
 *     edges of one quadrant do for both. 45 degrees has an exact cotangent, so that gradients of integers fall on the
 *     right side of it. Votes gather in columns, `votes[bin][column]`, over the rows of a cell: no two lanes meet.
 *     With interpolation a vote is shared by two bins in a row and by two rows of cells, in proportion to the distance
 *     of their centres; here an arc tangent is needed.
 * (C) Cell. Once a row of cells, columns are summed by pairs while a cell's width is even, then one by one. With
 *     interpolation each column counts for the cells on both sides of it: columns then begin half a cell further on, so
 *     that those between two centres are one group, and two weighted sums are taken.
 * (D) Blocks. The norms of all are taken together; cells are then read again from the cache, and written once.
 *
 * Registers: (A) keeps 3 vectors of the best channel and 3 of the present one; (B) 3 of the gradient, 2 of magnitudes,
 * the edge's product and 3 masks. Sums stay in memory, in the first-level cache: their loads and stores run beside the
 * arithmetic, which is what limits: about 60 instructions on vectors a vector of pixels of 3 channels and 9 bins.
 */

#ifndef FL_HOG_LAYOUT
#define FL_HOG_LAYOUT
/* Added to the norm of a block, as scikit-image does: as it is, or squared under the root. And where Hys clips. */
#define FL_HOG_EPSILON 1e-5
#define FL_HOG_CLIP 0.2
/* Widths are padded to this many, the widest vector: a row of votes can then be halved four times. */
#define FL_HOG_PAD 16
#define FL_HOG_HALVINGS 4

/* Where things lie in the scratch, in numbers of `real`; each begins at a multiple of FL_HOG_PAD. */
typedef struct {
    ptrdiff_t lead;                 /* columns before the image's first: the half cell of (C) */
    ptrdiff_t columns, plane, cell; /* numbers of a row of votes, and from a plane and a cell to the next */
    ptrdiff_t rows, votes, votes_below, sums, left, right, edges, cells, block_sums, factors, size;
} fl_hog_layout;

static inline fl_hog_layout fl_hog_lay_out(const fl_hog *plan) {
    fl_hog_layout at;
    const ptrdiff_t padded = fl_whole(plan->image.width, FL_HOG_PAD), across = fl_hog_cells_across(plan);
    at.lead = plan->interpolate ? plan->cell_width - plan->cell_width / 2 : 0;
    const ptrdiff_t stored = padded + at.lead, summed = (across + plan->interpolate) * plan->cell_width;
    at.columns = fl_whole(stored > summed ? stored : summed, FL_HOG_PAD);
    at.plane = padded + 2 * FL_HOG_PAD;
    const ptrdiff_t votes = plan->orientations * at.columns;
    const ptrdiff_t cells = fl_hog_cells_down(plan) * across;
    at.cell = fl_whole(plan->orientations, FL_HOG_PAD);
    at.rows = 0;
    at.votes = at.rows + (plan->cell_height + 2) * plan->image.channels * at.plane;
    at.votes_below = at.votes + votes;
    at.sums = at.votes_below + votes;
    at.left = at.sums + votes + 2 * FL_HOG_PAD;
    at.right = at.left + at.columns;
    at.edges = at.right + at.columns;
    at.cells = at.edges + fl_whole(plan->orientations, FL_HOG_PAD);
    at.block_sums = at.cells + cells * at.cell;
    at.factors = at.block_sums + (cells + 3) * FL_HOG_PAD;
    at.size = at.factors + 2 * fl_whole(cells, FL_HOG_PAD);
    return at;
}
#endif

static size_t NAME(hog_scratch)(const fl_hog *plan) { return (size_t)fl_hog_lay_out(plan).size * sizeof(REAL); }

/* Row y of the image as planes, mirrored at both ends. */
static void NAME(hog_row)(const fl_hog *plan, const X *image, ptrdiff_t y, REAL *planes, ptrdiff_t plane) {
    const ptrdiff_t width = plan->image.width, channels = plan->image.channels;
    NAME(to_planes)(width, channels, image + y * width * channels, planes, plane);
    for (ptrdiff_t c = 0; c < channels; c++) {
        REAL *p = planes + c * plane;
        if (plan->square_root)
            for (ptrdiff_t i = 0; i < width; i += LANES) VW(store)(p + i, VW(sqrt)(VW(load)(p + i)));
        p[-1] = p[width > 1 ? 1 : 0];
        p[width] = p[width > 1 ? width - 2 : 0];
        for (ptrdiff_t i = width + 1; i <= fl_whole(width, LANES); i++) p[i] = 0;
    }
}

/* The rows of a row of cells, and one above and below, as planes one after the other; mirrored at the image's ends. The
 * rows of cells come in turn: two rows are there from the last one. */
static void NAME(hog_rows)(const fl_hog *plan, const X *image, ptrdiff_t group, REAL *planes, ptrdiff_t plane) {
    const ptrdiff_t rows = plan->cell_height, height = plan->image.height, first = group * rows;
    const ptrdiff_t band = plan->image.channels * plane;
    REAL *const store = planes - FL_HOG_PAD; /* with what lies before the first plane's row */
    if (group == 0)
        NAME(hog_row)(plan, image, 0, planes + band, plane);
    else
        memmove(store, store + rows * band, (size_t)(2 * band) * sizeof(REAL));
    for (ptrdiff_t r = 1; r <= rows && first + r < height; r++)
        NAME(hog_row)(plan, image, first + r, planes + (r + 1) * band, plane);
    const size_t bytes = (size_t)band * sizeof(REAL);
    if (first + rows == height) memcpy(store + (rows + 1) * band, store + (height > 1 ? rows - 1 : rows) * band, bytes);
    if (group == 0) memcpy(store, store + (height > 1 ? 2 : 1) * band, bytes);
}

/* (B) Votes for n bins of half a turn, alike on both sides of the vertical: only edges below 90 degrees count. */
FL_INLINE void NAME(hog_vote)(ptrdiff_t n, const REAL *cotangent, V x, V y, V magnitude, REAL *votes,
                              ptrdiff_t columns) {
    const V zero = VW(set1)(0);
    const V leftward = VW(keep)(VW(le)(x, zero), magnitude), rightward = magnitude - leftward;
    /* An edge on the left belongs to the bin further from the vertical: there x must be less than the product. */
    const V across = VW(next_where)(VW(lt)(x, zero), VW(abs)(x));
    const ptrdiff_t middle = (n - 1) / 2;
    REAL *right = votes, *left = votes + (n - 1) * columns;
    VW(mask) beyond = VW(eq)(zero, zero);
    for (ptrdiff_t k = 0; k < middle; k++, right += columns, left -= columns) {
        const VW(mask) next = VW(le)(across, y * VW(set1)(cotangent[k])), here = VW(and_not)(beyond, next);
        VW(store)(right, VW(add_where)(VW(load)(right), here, rightward));
        VW(store)(left, VW(add_where)(VW(load)(left), here, leftward));
        beyond = next;
    }
    VW(store)(right, VW(add_where)(VW(load)(right), beyond, rightward));
    VW(store)(left, VW(add_where)(VW(load)(left), beyond, leftward)); /* of an odd number the same bin */
}

/* (B) Any edges: `n` of them cut half a turn into n + 1 bins. */
FL_INLINE void NAME(hog_vote_between)(ptrdiff_t n, const REAL *cotangent, V x, V y, V magnitude, REAL *votes,
                                      ptrdiff_t columns) {
    VW(mask) beyond = VW(eq)(VW(set1)(0), VW(set1)(0));
    for (ptrdiff_t k = 0; k < n; k++, votes += columns) {
        const VW(mask) next = VW(le)(x, y * VW(set1)(cotangent[k]));
        VW(store)(votes, VW(add_where)(VW(load)(votes), VW(and_not)(beyond, next), magnitude));
        beyond = next;
    }
    VW(store)(votes, VW(add_where)(VW(load)(votes), beyond, magnitude));
}

/* (B) Votes shared by the two bins and the two rows of cells whose centres are nearest; the row of cells below takes
 * `below` of a vote. Bin k's centre is at k + 1/2, so the upper of the two bins is the number floor(position + 1/2). */
FL_INLINE void NAME(hog_share)(ptrdiff_t n, V position, V magnitude, REAL below, REAL *votes, REAL *votes_below,
                               ptrdiff_t columns) {
    const V last = VW(set1)((REAL)n), zero = VW(set1)(0);
    const V raised = position + VW(set1)((REAL)0.5), number = VW(whole)(raised);
    const V for_upper = magnitude * (raised - number), for_lower = magnitude - for_upper;
    const V upper_bin = VW(where)(VW(lt)(number, last), number, zero);
    const V here = VW(set1)(1 - below), there = VW(set1)(below);
    const VW(mask) first = VW(eq)(upper_bin, zero);
    VW(mask) upper = first;
    for (ptrdiff_t k = 0; k < n; k++, votes += columns, votes_below += columns) {
        const VW(mask) lower = k + 1 < n ? VW(eq)(upper_bin, VW(set1)((REAL)(k + 1))) : first;
        const V vote = VW(add_where)(VW(keep)(upper, for_upper), lower, for_lower);
        VW(store)(votes, VW(fma)(vote, here, VW(load)(votes)));
        VW(store)(votes_below, VW(fma)(vote, there, VW(load)(votes_below)));
        upper = lower;
    }
}

/* (A) The gradient of LANES pixels from the i-th on, turned so that it points up, and the mask of those that were. */
FL_INLINE V NAME(hog_gradient)(const int channels, const REAL *const *rows, ptrdiff_t plane, ptrdiff_t i, V *x_up,
                               V *y_up, VW(mask) * turned) {
    const V zero = VW(set1)(0);
    V x = zero, y = zero, square = zero;
    for (int c = 0; c < channels; c++) {
        const ptrdiff_t at = c * plane + i;
        const V x_c = VW(load)(rows[1] + at + 1) - VW(load)(rows[1] + at - 1);
        const V y_c = VW(load)(rows[2] + at) - VW(load)(rows[0] + at);
        const V square_c = VW(fma)(x_c, x_c, y_c * y_c);
        const VW(mask) larger = VW(lt)(square, square_c);
        x = c == 0 ? x_c : VW(where)(larger, x_c, x);
        y = c == 0 ? y_c : VW(where)(larger, y_c, y);
        square = c == 0 ? square_c : VW(where)(larger, square_c, square);
    }
    const VW(mask) down = VW(lt)(y, zero), level = VW(eq)(y, zero);
    x = VW(where)(down, -x, x);
    *turned = VW(or)(down, VW(and)(level, VW(lt)(x, zero)));
    *x_up = VW(where)(level, VW(abs)(x), x);
    *y_up = VW(abs)(y);
    return VW(sqrt)(square);
}

/* (A) and (B) for a row of the image; rows are those above, here and below. */
FL_INLINE void NAME(hog_votes)(const fl_hog *plan, const int channels, const REAL *const *rows, ptrdiff_t plane,
                               const REAL *edges, REAL below, REAL *votes, REAL *votes_below, ptrdiff_t columns) {
    const ptrdiff_t n = plan->orientations;
    const REAL bins_per_radian = (REAL)((double)n / (plan->is_signed ? 2 : 1) / 3.14159265358979323846);
    for (ptrdiff_t i = 0; i < plan->image.width; i += LANES) {
        V x, y;
        VW(mask) turned;
        const V magnitude = NAME(hog_gradient)(channels, rows, plane, i, &x, &y, &turned);
        if (plan->interpolate) {
            V angle = VW(angle)(y, x);
            if (plan->is_signed) angle = VW(add_where)(angle, turned, VW(set1)((REAL)3.14159265358979323846));
            const V position = angle * VW(set1)(bins_per_radian);
            NAME(hog_share)(n, position, magnitude, below, votes + i, votes_below + i, columns);
        } else if (!plan->is_signed) {
            NAME(hog_vote)(n, edges, x, y, magnitude, votes + i, columns);
        } else {
            /* The bins of the half turn that points down; of an odd number one bin lies on both sides. */
            REAL *const others = votes + n / 2 * columns + i;
            const V lower = VW(keep)(turned, magnitude), upper = magnitude - lower;
            if (n % 2 == 0) {
                NAME(hog_vote)(n / 2, edges, x, y, upper, votes + i, columns);
                NAME(hog_vote)(n / 2, edges, x, y, lower, others, columns);
            } else {
                NAME(hog_vote_between)(n / 2, edges, x, y, upper, votes + i, columns);
                NAME(hog_vote_between)(n / 2, edges + n / 2, x, y, lower, others, columns);
            }
        }
    }
}

/* (A) and (B) for a row of cells, 9 bins of half a turn: their votes stay in registers from row to row. `planes` are
 * those of the rows of the image from one above the cells to one below. */
static void NAME(hog_votes_nine)(const fl_hog *plan, const REAL *planes, ptrdiff_t plane, const REAL *cotangent,
                                 REAL *votes, ptrdiff_t columns) {
    const V zero = VW(set1)(0);
    const ptrdiff_t band = 3 * plane;
    for (ptrdiff_t i = 0; i < plan->image.width; i += LANES) {
        V sum[9];
        FL_UNROLL for (int k = 0; k < 9; k++) sum[k] = zero;
        for (ptrdiff_t r = 0; r < plan->cell_height; r++) {
            const REAL *const rows[3] = {planes + r * band, planes + (r + 1) * band, planes + (r + 2) * band};
            V x, y;
            VW(mask) turned;
            const V magnitude = NAME(hog_gradient)(3, rows, plane, i, &x, &y, &turned);
            const V leftward = VW(keep)(VW(le)(x, zero), magnitude), rightward = magnitude - leftward;
            const V across = VW(next_where)(VW(lt)(x, zero), VW(abs)(x));
            VW(mask) beyond = VW(eq)(zero, zero);
            FL_UNROLL for (int k = 0; k < 4; k++) {
                const VW(mask) next = VW(le)(across, y * VW(set1)(cotangent[k])), here = VW(and_not)(beyond, next);
                sum[k] = VW(add_where)(sum[k], here, rightward);
                sum[8 - k] = VW(add_where)(sum[8 - k], here, leftward);
                beyond = next;
            }
            sum[4] = VW(add_where)(sum[4], beyond, magnitude);
        }
        FL_UNROLL for (int k = 0; k < 9; k++) VW(store)(votes + k * columns + i, sum[k]);
    }
}

/* (C), (D) Sums of neighbours, `times` over: length / 2^times numbers, which may take the place of the first. Reads up
 * to two vectors, and writes up to one, beyond them. Returns where the sums are. */
static const REAL *NAME(hog_halve)(ptrdiff_t length, int times, const REAL *from, REAL *sums) {
    for (int h = 0; h < times; h++, from = sums) {
        length /= 2;
        for (ptrdiff_t i = 0; i < length; i += LANES)
            VW(store)(sums + i, VW(pair_sums)(VW(load)(from + 2 * i), VW(load)(from + 2 * i + LANES)));
    }
    return from;
}

/* (C) Adds to each cell of a row, from the group `first` of columns on, the sum of its group's votes. `weights`, one a
 * column, or NULL; `sums` is room for the votes. */
static void NAME(hog_columns)(const fl_hog *plan, const REAL *votes, const REAL *weights, ptrdiff_t columns,
                              ptrdiff_t first, REAL *sums, REAL *cells, ptrdiff_t cell) {
    const ptrdiff_t n = plan->orientations, across = fl_hog_cells_across(plan);
    const REAL *from = votes;
    if (weights) {
        for (ptrdiff_t k = 0; k < n; k++)
            for (ptrdiff_t i = 0; i < columns; i += LANES)
                VW(store)(sums + k * columns + i, VW(load)(votes + k * columns + i) * VW(load)(weights + i));
        from = sums;
    }
    int times = 0;
    while (times < FL_HOG_HALVINGS && (plan->cell_width >> times) % 2 == 0) times++;
    const ptrdiff_t stride = columns >> times, width = plan->cell_width >> times;
    from = NAME(hog_halve)(n * columns, times, from, sums);
    const REAL scale = (REAL)(1.0 / (double)(plan->cell_height * plan->cell_width));
    for (ptrdiff_t x = 0; x < across; x++, cells += cell) {
        const REAL *group = from + (first + x) * width;
        for (ptrdiff_t k = 0; k < n; k++) {
            REAL sum = group[k * stride];
            for (ptrdiff_t i = 1; i < width; i++) sum += group[k * stride + i];
            cells[k] += sum * scale;
        }
    }
}

/* (C) What a column's vote counts for the cells left and right of it; nothing outside the whole cells. */
static void NAME(hog_weights)(const fl_hog *plan, const fl_hog_layout *at, REAL *left, REAL *right) {
    const ptrdiff_t width = plan->cell_width, inside = fl_hog_cells_across(plan) * width;
    for (ptrdiff_t i = 0; i < at->columns; i++) {
        const ptrdiff_t x = i - at->lead;
        const double position = ((double)x + 0.5) / (double)width + 0.5, share = position - (double)(i / width);
        left[i] = x >= 0 && x < inside ? (REAL)(1 - share) : 0;
        right[i] = x >= 0 && x < inside ? (REAL)share : 0;
    }
}

#include "hog_blocks.inc.h"

static void NAME(hog)(const fl_hog *plan, const void *image, void *features, void *scratch) {
    const fl_hog_layout at = fl_hog_lay_out(plan);
    REAL *const numbers = (REAL *)scratch, *const planes = numbers + at.rows + FL_HOG_PAD, *cells = numbers + at.cells;
    REAL *votes = numbers + at.votes, *votes_below = numbers + at.votes_below, *const edges = numbers + at.edges;
    REAL *const left = numbers + at.left, *const right = numbers + at.right, *const sums = numbers + at.sums;
    const ptrdiff_t n = plan->orientations, height = plan->image.height, channels = plan->image.channels;
    const ptrdiff_t down = fl_hog_cells_down(plan), across = fl_hog_cells_across(plan), last = down * plan->cell_height;
    const ptrdiff_t row = across * at.cell, band = channels * at.plane;
    const ptrdiff_t head = plan->interpolate ? plan->cell_height - plan->cell_height / 2 : 0;
    const ptrdiff_t n_edges = plan->is_signed ? (n - 1) / 2 * 2 : n - 1;

    for (ptrdiff_t k = 0; k < n_edges; k++) edges[k] = (REAL)plan->cotangent[k];
    if (plan->interpolate) NAME(hog_weights)(plan, &at, left, right);
    memset(votes, 0, (size_t)(2 * n * at.columns) * sizeof(REAL)); /* votes_below follows */
    memset(cells, 0, (size_t)(down * across * at.cell) * sizeof(REAL));

    if (n == 9 && channels == 3 && !plan->is_signed && !plan->interpolate) {
        for (ptrdiff_t group = 0; group < down; group++) {
            NAME(hog_rows)(plan, (const X *)image, group, planes, at.plane);
            NAME(hog_votes_nine)(plan, planes, at.plane, edges, votes, at.columns);
            NAME(hog_columns)(plan, votes, NULL, at.columns, 0, sums, cells + group * row, at.cell);
        }
        NAME(hog_blocks)(plan, 9, cells, at.cell, numbers + at.block_sums, numbers + at.factors, (REAL *)features);
        return;
    }
    NAME(hog_row)(plan, (const X *)image, 0, planes, at.plane);
    for (ptrdiff_t y = 0; y < last; y++) {
        if (y + 1 < height)
            NAME(hog_row)(plan, (const X *)image, y + 1, planes + (y + 1) % 3 * band, at.plane);
        const ptrdiff_t other = height > 1 ? 1 : 0;
        const ptrdiff_t above = y > 0 ? y - 1 : other, below = y + 1 < height ? y + 1 : height - 1 - other;
        const REAL *const rows[3] = {planes + above % 3 * band, planes + y % 3 * band, planes + below % 3 * band};
        /* Rows between the centres of two rows of cells are a group; the lower row of cells has the group's number. */
        const ptrdiff_t group = (y + head) / plan->cell_height;
        const REAL share = (REAL)(((double)y + 0.5) / (double)plan->cell_height + 0.5 - (double)group);
        if (channels == 3)
            NAME(hog_votes)(plan, 3, rows, at.plane, edges, share, votes + at.lead, votes_below + at.lead, at.columns);
        else
            NAME(hog_votes)(plan, (int)channels, rows, at.plane, edges, share, votes + at.lead,
                            votes_below + at.lead, at.columns);
        if ((y + 1 + head) % plan->cell_height != 0 && y + 1 < last) continue;
        if (!plan->interpolate) {
            NAME(hog_columns)(plan, votes, NULL, at.columns, 0, sums, cells + group * row, at.cell);
        } else {
            if (group > 0) {
                NAME(hog_columns)(plan, votes, left, at.columns, 1, sums, cells + (group - 1) * row, at.cell);
                NAME(hog_columns)(plan, votes, right, at.columns, 0, sums, cells + (group - 1) * row, at.cell);
            }
            REAL *const done = votes;
            votes = votes_below, votes_below = done;
        }
        memset(plan->interpolate ? votes_below : votes, 0, (size_t)(n * at.columns) * sizeof(REAL));
    }
    NAME(hog_blocks)(plan, n, cells, at.cell, numbers + at.block_sums, numbers + at.factors, (REAL *)features);
}
