/* Template: the gradient of scores as lists of rows, a class each. A part of real.inc.h, which includes it and says
 * what it needs.
 *
 * Plan. The hinge's gradient of a row is 0 for the classes that keep their margin, one number for those that do not,
 * and minus the sum of these for the right class. So what a class adds up is a few rows, or all of them but a few: a
 * list holds the rows whose number is not 0, or those whose number is not the row's largest, whichever are fewer, with
 * the difference. (The squared hinge's numbers differ: its lists are of the first kind, where few margins are broken.)
 * They are counted first, a class a lane, and listed where that is worth it: where the entries, and what a row costs
 * besides (a copy, its part in the sum of all rows and in the sums of the block: as much as FL_SPARSE_COST entries),
 * take less time than to multiply the row with all classes. So rows of few features, or of few classes, are never
 * listed.
 *
 * What all rows add up to holds rows that a class does not want, and they are taken off again: that costs the digits by
 * which their numbers are larger than those of the others. So it is used where the rows' largest numbers are alike.
 */

/* To look at one number of a row takes as long as so many features of an entry. */
#define FL_SPARSE_FEATURES 192
/* How many times the least of the rows' largest numbers the largest may be. */
#define FL_SPARSE_ALIKE 8

/* Each row's largest number, if above 0; tells whether those are alike. */
FL_INLINE int NAME(find_bases)(ptrdiff_t n, ptrdiff_t c, const REAL *g, ptrdiff_t ld_g, REAL *base_n) {
    REAL least = INFINITY, most = 0;
    for (ptrdiff_t r = 0; r < n; r++, g += ld_g) {
        V largest = VW(set1)(0);
        FL_EACH_VECTOR(0, c, LANES, largest = VW(max)(largest, VW(load_n)(g + at, width)););
        base_n[r] = VW(largest)(largest);
        if (base_n[r] == 0) continue;
        least = base_n[r] < least ? base_n[r] : least;
        most = base_n[r] <= most ? most : base_n[r];
    }
    return most <= FL_SPARSE_ALIKE * least;
}

static int NAME(compress)(ptrdiff_t n, ptrdiff_t c, ptrdiff_t d, const void *g_nc, ptrdiff_t ld_g, void *room,
                          size_t n_bytes, fl_sparse *sparse) {
    const REAL *g = (const REAL *)g_nc;
    const size_t of_rows = FL_SPARSE_ROWS * sizeof(REAL), of_classes = (size_t)(2 * c + 1) * sizeof(int32_t);
    const ptrdiff_t most = n * (c * d - FL_SPARSE_COST * d - FL_SPARSE_FEATURES * c); /* entries times features */
    if (most <= 0 || n_bytes < of_rows + of_classes) return 0;
    REAL *base_n = (REAL *)room, *factor = base_n + FL_SPARSE_ROWS;
    int32_t *first_c = (int32_t *)((char *)room + n_bytes - of_classes), *of_all_c = first_c + c + 1, entries = 0;
    const int alike = NAME(find_bases)(n, c, g, ld_g, base_n);
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        BITS marked = VW(as_bits)(VW(set1)(0)), other = marked;
        for (ptrdiff_t r = 0; r < n; r++) {
            const V number = VW(load)(g + r * ld_g + j);
            marked -= (BITS)(number != VW(set1)(0));
            other -= (BITS)(number != VW(set1)(base_n[r]));
        }
        for (ptrdiff_t i = 0; i < LANES && j + i < c; i++) {
            of_all_c[j + i] = alike && other[i] < marked[i];
            first_c[j + i] = entries;
            entries += (int32_t)(of_all_c[j + i] ? other[i] : marked[i]);
        }
    }
    first_c[c] = entries;
    if (entries * d >= most || of_rows + (size_t)entries * (sizeof(REAL) + sizeof(uint8_t)) + of_classes > n_bytes)
        return 0;
    uint8_t *row_of = (uint8_t *)(factor + entries);
    for (ptrdiff_t j = 0; j < c; j++) {
        for (ptrdiff_t r = 0, at = first_c[j]; at < first_c[j + 1]; r++) {
            const REAL number = g[r * ld_g + j], less = of_all_c[j] ? base_n[r] : 0;
            factor[at] = number - less;
            row_of[at] = (uint8_t)r;
            at += number != less;
        }
    }
    *sparse = (fl_sparse){base_n, factor, row_of, first_c, of_all_c};
    return 1;
}
