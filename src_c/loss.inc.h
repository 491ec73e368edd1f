/* Template: the losses of a block's rows, and their gradient. A part of real.inc.h, which includes it and says what it
 * needs.
 *
 * Plan. Of few classes a row fills its vectors badly, and what is done once a row (maximum, sums, logarithm, division)
 * costs more than all that is done for each class. So LANES rows are transposed at a time, a row a lane and a class a
 * vector; the sums of all rows stay in lanes until the end. Of more than FL_TABLE_CLASSES classes, and for the largest
 * violation alone, each row is on its own.
 * Where the last class is the one that others were compared with (`compared`), its score is 0, made here: not quite a
 * constant, but NaN where another score is not finite, as then its own would not have been.
 * Probabilities below EXP_SMALL of a row's largest have gradient zero: it would be far below the rounding of the
 * others', and numbers too small to be normal make a multiplication take a hundred times its time.
 */

FL_INLINE V NAME(unless_tiny)(V e) { return VW(clear)(LESS(e, VW(set1)((REAL)EXP_SMALL)), e); }

/* Adds the bias, and tells the largest score and whether it is the right class's, the first of equal ones; no class of
 * a row with a NaN is right. */
FL_INLINE V NAME(biased_row)(ptrdiff_t c, int compared, REAL *s, const REAL *bias, ptrdiff_t y, int64_t *n_correct) {
    if (compared) {
        V nothing = VW(set1)(0);
        s[c - 1] = 0;
        for (ptrdiff_t j = 0; j < c; j += LANES) nothing = VW(fma)(VW(load)(s + j), VW(set1)(0), nothing);
        s[c - 1] = VW(sum)(nothing);
    }
    V largest = VW(set1)(-(REAL)INFINITY);
    BITS unordered = VW(as_bits)(VW(set1)(0));
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        const V v = VW(load)(s + j) + VW(load)(bias + j);
        VW(store)(s + j, v);
        largest = VW(max)(largest, v);
        unordered |= (BITS)(v != v);
    }
    const REAL top = VW(largest)(largest);
    if (s[y] == top && VW(sum)(VW(from_bits)(VW(as_bits)(VW(set1)(1)) & unordered)) == 0) {
        ptrdiff_t first = 0;
        while (first < y && s[first] != top) first++;
        *n_correct += first == y;
    }
    return VW(set1)(top);
}

/* -log p_y = log(sum of exp(s - max)) - (s_y - max); gradient p - 1[j = y]. The right class stays out of the sum:
 * where p_y is nearly 1, p_y - 1 and log p_y would lose all their digits, the sum of the others loses none. */
FL_INLINE double NAME(softmax_row)(ptrdiff_t c, REAL *s, V top, ptrdiff_t y, REAL share) {
    REAL lanes[LANES];
    const REAL of_right = s[y];
    const V right = VW(set1)(of_right) - top;
    V sum = VW(set1)(0);
    s[y] = -(REAL)INFINITY;
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        const V e = NAME(exp)(VW(load)(s + j) - top);
        VW(store)(s + j, NAME(unless_tiny)(e));
        sum = sum + e;
    }
    const REAL others = VW(sum)(sum);
    VW(store)(lanes, NAME(exp)(right));
    const REAL total = others + lanes[0];
    const V factor = VW(set1)(share / total);
    for (ptrdiff_t j = 0; j < c; j += LANES) VW(store)(s + j, VW(load)(s + j) * factor);
    s[y] = others < (REAL)EXP_SMALL ? 0 : -share * (others / total);
    VW(store)(lanes, top);
    /* The difference in double: of two finite floats it is finite. */
    return of_right == lanes[0] ? log1p((double)others) : log((double)total) + ((double)lanes[0] - (double)of_right);
}

/* sum over j != y of max(0, s_j - s_y + margin)^power; gradient 1 or 2 max(0, .) each, and minus their sum for y. */
FL_INLINE double NAME(hinge_sum_row)(const fl_loss *loss, ptrdiff_t c, REAL *s, ptrdiff_t y, REAL share) {
    const V right = VW(set1)(s[y]), margin = VW(set1)((REAL)loss->margin), zero = VW(set1)(0);
    const V factor = VW(set1)(loss->power == 1 ? share : 2 * share);
    V sum = zero, pushed = zero;
    s[y] = -(REAL)INFINITY;
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        const V violation = VW(max)(zero, VW(load)(s + j) - right + margin);
        const V g = loss->power == 1 ? VW(from_bits)(VW(as_bits)(factor) & LESS(zero, violation)) : factor * violation;
        sum = sum + (loss->power == 1 ? violation : violation * violation);
        pushed = pushed + g;
        VW(store)(s + j, g);
    }
    s[y] = -VW(sum)(pushed);
    return (double)VW(sum)(sum);
}

/* The largest violation alone; of equal ones the first. */
FL_INLINE double NAME(hinge_max_row)(const fl_loss *loss, ptrdiff_t c, REAL *s, ptrdiff_t y, REAL share) {
    const REAL right = s[y];
    REAL worst = 0;
    ptrdiff_t at = -1;
    for (ptrdiff_t j = 0; j < c; j++) {
        const REAL violation = s[j] - right + (REAL)loss->margin;
        if (j != y && worst == worst && !(violation <= worst)) { /* the first NaN stays */
            worst = violation;
            at = j;
        }
        s[j] = 0;
    }
    if (at >= 0) {
        s[at] = loss->power == 1 ? share : 2 * share * worst;
        s[y] = -s[at];
    }
    return loss->power == 1 ? (double)worst : (double)worst * (double)worst;
}

/* A table of LANES rows with a class a vector: scores, the bias added; then their gradient. */
typedef struct {
    V s[(FL_TABLE_CLASSES + LANES - 1) / LANES * LANES];
    V y, share;   /* rows beyond the last: -1 and 0 */
    V top, right; /* the largest score, and the right class's */
    V hit;        /* 1 where the first of the largest is the right class's, and none is NaN */
} NAME(table);

FL_INLINE BITS NAME(is_right)(const NAME(table) *t, ptrdiff_t j) { return (BITS)(t->y == VW(set1)((REAL)j)); }

FL_INLINE void NAME(read_table)(NAME(table) *t, ptrdiff_t rows, ptrdiff_t c, int compared, const REAL *s_nc,
                                ptrdiff_t ld_s, const REAL *bias, const int64_t *y_n, const double *share_n) {
    REAL y[LANES], share[LANES];
    for (ptrdiff_t r = 0; r < LANES; r++) {
        y[r] = r < rows ? (REAL)y_n[r] : -1;
        share[r] = r < rows ? (REAL)share_n[r] : 0;
    }
    t->y = VW(load)(y);
    t->share = VW(load)(share);
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        V v[LANES];
        FL_UNROLL for (int r = 0; r < (int)LANES; r++) v[r] = VW(load)(s_nc + (r < rows ? r : 0) * ld_s + j);
        VW(transpose)(v);
        FL_UNROLL for (int i = 0; i < (int)LANES; i++) t->s[j + i] = v[VW(place)(i)];
    }
    if (compared) {
        V nothing = VW(set1)(0);
        for (ptrdiff_t j = 0; j < c - 1; j++) nothing = VW(fma)(t->s[j], VW(set1)(0), nothing);
        t->s[c - 1] = nothing;
    }
    V first = VW(set1)(0);
    BITS unordered = VW(as_bits)(first);
    t->right = first;
    t->top = VW(set1)(-(REAL)INFINITY);
    for (ptrdiff_t j = 0; j < c; j++) {
        const V v = t->s[j] + VW(set1)(bias[j]);
        const BITS better = LESS(t->top, v);
        t->s[j] = v;
        unordered |= (BITS)(v != v);
        t->right = VW(select)(NAME(is_right)(t, j), v, t->right);
        first = VW(select)(better, VW(set1)((REAL)j), first);
        t->top = VW(select)(better, v, t->top);
    }
    const BITS right = (BITS)(first == t->y) & (BITS)(t->top == t->right) & ~unordered;
    t->hit = VW(from_bits)(VW(as_bits)(VW(set1)(1)) & right);
}

/* Scatters the gradients back to their rows, and adds them to their sums over rows. */
FL_INLINE void NAME(write_table)(NAME(table) *t, ptrdiff_t rows, ptrdiff_t c, REAL *s_nc, ptrdiff_t ld_s, vd *db) {
    for (ptrdiff_t j = 0; j < c; j++) {
        vd wide[LANES / VD_LANES];
        VW(widen)(t->s[j], wide);
        for (int i = 0; i < LANES / VD_LANES; i++) db[j] = db[j] + wide[i];
    }
    for (ptrdiff_t j = c; j % LANES; j++) t->s[j] = VW(set1)(0);
    for (ptrdiff_t j = 0; j < c; j += LANES) {
        V v[LANES];
        FL_UNROLL for (int i = 0; i < (int)LANES; i++) v[i] = t->s[j + i];
        VW(transpose)(v);
        FL_UNROLL for (int r = 0; r < (int)LANES; r++)
            if (r < rows) VW(store)(s_nc + r * ld_s + j, v[VW(place)(r)]);
    }
}

/* As softmax_row; of_row: the rows' losses. */
FL_INLINE void NAME(softmax_table)(NAME(table) *t, ptrdiff_t c, vd *of_row) {
    V others = VW(set1)(0), chosen = others;
    for (ptrdiff_t j = 0; j < c; j++) {
        const V e = NAME(exp)(t->s[j] - t->top);
        const BITS right = NAME(is_right)(t, j);
        others = others + VW(clear)(right, e);
        chosen = VW(select)(right, e, chosen);
        t->s[j] = NAME(unless_tiny)(e);
    }
    const V total = others + chosen, factor = t->share / total;
    const V pulled = VW(set1)(0) - t->share * (NAME(unless_tiny)(others) / total);
    for (ptrdiff_t j = 0; j < c; j++) t->s[j] = VW(select)(NAME(is_right)(t, j), pulled, t->s[j] * factor);
    vd all[LANES / VD_LANES], rest[LANES / VD_LANES], top[LANES / VD_LANES], right[LANES / VD_LANES];
    VW(widen)(total, all);
    VW(widen)(others, rest);
    VW(widen)(t->top, top);
    VW(widen)(t->right, right);
    /* The difference in double: of two finite floats it is finite. */
    for (int i = 0; i < LANES / VD_LANES; i++) {
        const vd_bits is_top = (vd_bits)(top[i] == right[i]);
        of_row[i] = vd_log1p(vd_select(is_top, rest[i], all[i] - vd_set1(1))) + (top[i] - right[i]);
    }
}

/* As hinge_sum_row. */
FL_INLINE void NAME(hinge_table)(const fl_loss *loss, NAME(table) *t, ptrdiff_t c, vd *of_row) {
    const V margin = VW(set1)((REAL)loss->margin), zero = VW(set1)(0);
    const V factor = loss->power == 1 ? t->share : t->share + t->share;
    V sum = zero, pushed = zero;
    for (ptrdiff_t j = 0; j < c; j++) {
        const V violation = VW(clear)(NAME(is_right)(t, j), VW(max)(zero, t->s[j] - t->right + margin));
        const V g = loss->power == 1 ? VW(from_bits)(VW(as_bits)(factor) & LESS(zero, violation)) : factor * violation;
        sum = sum + (loss->power == 1 ? violation : violation * violation);
        pushed = pushed + g;
        t->s[j] = g;
    }
    for (ptrdiff_t j = 0; j < c; j++) t->s[j] = VW(select)(NAME(is_right)(t, j), zero - pushed, t->s[j]);
    VW(widen)(sum, of_row);
}

static double NAME(loss_few)(const fl_loss *loss, ptrdiff_t n, ptrdiff_t c, int compared, REAL *s_nc, ptrdiff_t ld_s,
                             const REAL *bias, const int64_t *y_n, const double *share_n, double *db_c,
                             int64_t *n_correct) {
    NAME(table) t;
    vd db[FL_TABLE_CLASSES], of_row[LANES / VD_LANES], total = vd_set1(0);
    V hits = VW(set1)(0);
    for (ptrdiff_t j = 0; j < c; j++) db[j] = vd_set1(0);
    for (ptrdiff_t r0 = 0; r0 < n; r0 += LANES) {
        const ptrdiff_t rows = n - r0 < LANES ? n - r0 : LANES;
        REAL *s = s_nc + r0 * ld_s;
        NAME(read_table)(&t, rows, c, compared, s, ld_s, bias, y_n + r0, share_n + r0);
        if (loss->kind == FL_SOFTMAX)
            NAME(softmax_table)(&t, c, of_row);
        else
            NAME(hinge_table)(loss, &t, c, of_row);
        NAME(write_table)(&t, rows, c, s, ld_s, db);
        hits = hits + t.hit;
        for (ptrdiff_t i = 0; i * VD_LANES < rows; i++) {
            const ptrdiff_t at = i * VD_LANES, count = rows - at < VD_LANES ? rows - at : VD_LANES;
            const vd share = vd_load_n(share_n + r0 + at, count);
            total = total + vd_clear((vd_bits)(share == vd_set1(0)), share * of_row[i]);
        }
    }
    for (ptrdiff_t j = 0; j < c; j++) db_c[j] += vd_sum(db[j]);
    *n_correct += (int64_t)VW(sum)(hits);
    return vd_sum(total);
}

static double NAME(loss_rows)(const fl_loss *loss, ptrdiff_t n, ptrdiff_t c, int compared, void *s_nc, ptrdiff_t ld_s,
                              const void *bias_c, const int64_t *y_n, const double *share_n, double *db_c,
                              int64_t *n_correct) {
    if (c <= FL_TABLE_CLASSES && loss->kind != FL_HINGE_MAX)
        return NAME(loss_few)(loss, n, c, compared, (REAL *)s_nc, ld_s, (const REAL *)bias_c, y_n, share_n, db_c,
                              n_correct);
    double total = 0;
    for (ptrdiff_t r = 0; r < n; r++) {
        REAL *s = (REAL *)s_nc + r * ld_s;
        const REAL share = (REAL)share_n[r];
        const V top = NAME(biased_row)(c, compared, s, (const REAL *)bias_c, y_n[r], n_correct);
        double of_row;
        if (loss->kind == FL_SOFTMAX)
            of_row = NAME(softmax_row)(c, s, top, y_n[r], share);
        else if (loss->kind == FL_HINGE_SUM)
            of_row = NAME(hinge_sum_row)(loss, c, s, y_n[r], share);
        else
            of_row = NAME(hinge_max_row)(loss, c, s, y_n[r], share);
        total += share_n[r] * of_row;
        for (ptrdiff_t j = 0; j < c; j += LANES) {
            vd wide[LANES / VD_LANES];
            VW(widen)(VW(load)(s + j), wide);
            for (int i = 0; i < LANES / VD_LANES; i++) {
                double *db = db_c + j + i * VD_LANES;
                vd_store(db, vd_load(db) + wide[i]);
            }
        }
        for (ptrdiff_t j = c; j % LANES; j++) s[j] = 0;
    }
    return total;
}

/* Of a block whose rows have their gradient: moves those that have any together, to the front. Rows that keep all their
 * margins have none, nor has what the softmax is sure of; the sum over rows is the same without them. */
static ptrdiff_t NAME(drop_zeros)(ptrdiff_t n, ptrdiff_t c, void *s_nc, ptrdiff_t ld_s, const void **x_n) {
    REAL *to = (REAL *)s_nc;
    ptrdiff_t kept = 0;
    for (ptrdiff_t r = 0; r < n; r++) {
        const REAL *s = (const REAL *)s_nc + r * ld_s;
        ptrdiff_t j = 0;
        while (j < c && s[j] == 0) j++;
        if (j == c) continue;
        if (kept < r) {
            memcpy(to, s, (size_t)c * sizeof *s);
            x_n[kept] = x_n[r];
        }
        to += ld_s;
        kept++;
    }
    return kept;
}
