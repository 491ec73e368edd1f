/* Template: one step of gradient descent on the weights. A part of real.inc.h, which includes it and says what it needs.
 *
 * Plan. One pass over a slice of the weights and of what is kept beside them, a vector of features at a time: the
 * gradient comes to the coordinates of the weights, gets the penalty's part, and moves them; the penalty of the new
 * weights and the mean of the iterates are passes of their own over a slice that is in cache by then.
 */

/* prox(w) = sign(w) max(|w| - threshold, 0) */
FL_INLINE V NAME(prox)(V w, V threshold) {
    return NAME(sign)(w) * VW(max)(VW(set1)(0), VW(abs)(w) - threshold);
}

/* What a step did to some weights: sums of squares, a lane each until they are `tell`ed. */
typedef struct {
    V gradient, update, weight;
} NAME(seen);

FL_INLINE void NAME(look)(NAME(seen) *seen, V g, V before, V after) {
    const V moved = after - before;
    seen->gradient = VW(fma)(g, g, seen->gradient);
    seen->update = VW(fma)(moved, moved, seen->update);
    seen->weight = VW(fma)(before, before, seen->weight);
}

FL_INLINE void NAME(tell)(const NAME(seen) *seen, fl_report *report) {
    report->gradient += (double)VW(sum)(seen->gradient);
    report->update += (double)VW(sum)(seen->update);
    report->weight += (double)VW(sum)(seen->weight);
}

/* v = momentum v - lr g; w += v, or w += momentum v - lr g in Nesterov's form.
 * With an l1 term: w = prox(w + momentum v - lr g), v = what w moved by. Nesterov's w lies momentum v ahead of the
 * iterate, which is prox(w - lr g); v is what the iterate moved by. */
FL_INLINE void NAME(descend)(ptrdiff_t d, REAL *w, REAL *velocity, const REAL *dw, fl_fold fold, const double *db,
                             const fl_step *step, fl_report *report) {
    const V minus_rate = VW(set1)(-(REAL)step->lr), momentum = VW(set1)((REAL)step->momentum);
    const V twice_l2 = VW(set1)((REAL)(2 * step->l2)), threshold = VW(set1)((REAL)(step->lr * step->l1));
    const int proximal = step->l1 != 0, nesterov = step->nesterov;
    NAME(seen) seen = {VW(set1)(0), VW(set1)(0), VW(set1)(0)};
    FL_EACH_VECTOR(0, d, LANES, {
        const V before = VW(load_n)(w + at, width);
        V after, g = VW(load_n)(dw + at, width);
        if (db) g = NAME(unfold)(g, fold, (REAL)*db, at, width);
        const V gradient = VW(fma)(twice_l2, before, g);
        g = minus_rate * gradient;
        if (velocity) {
            const V carried = momentum * VW(load_n)(velocity + at, width);
            V v = carried + g;
            if (proximal) {
                after = NAME(prox)(before + (nesterov ? g : v), threshold);
                v = nesterov ? after - before + carried : after - before;
                if (nesterov) after = VW(fma)(momentum, v, after);
            } else {
                after = before + (nesterov ? VW(fma)(momentum, v, g) : v);
            }
            VW(store_n)(velocity + at, v, width);
        } else {
            after = proximal ? NAME(prox)(before + g, threshold) : before + g;
        }
        VW(store_n)(w + at, after, width);
        if (report) NAME(look)(&seen, gradient, before, after);
    });
    if (report) NAME(tell)(&seen, report);
}

/* m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; w -= lr first m / r, with r = second sqrt(s) + epsilon.
 * With an l1 term: w = prox(that), whose threshold is l1 times the rate that each weight has, lr / r. */
FL_INLINE void NAME(adapt)(ptrdiff_t d, REAL *w, REAL *mean, REAL *square, const REAL *dw, fl_fold fold,
                           const double *db, const fl_step *step, fl_report *report) {
    const V beta1 = VW(set1)((REAL)step->momentum), rest1 = VW(set1)((REAL)(1 - step->momentum));
    const V beta2 = VW(set1)((REAL)step->beta2), rest2 = VW(set1)((REAL)(1 - step->beta2));
    const V rate = VW(set1)((REAL)step->lr), first = VW(set1)((REAL)step->first), l1 = VW(set1)((REAL)step->l1);
    const V second = VW(set1)((REAL)step->second), epsilon = VW(set1)((REAL)step->epsilon);
    const V twice_l2 = VW(set1)((REAL)(2 * step->l2));
    const int proximal = step->l1 != 0;
    NAME(seen) seen = {VW(set1)(0), VW(set1)(0), VW(set1)(0)};
    FL_EACH_VECTOR(0, d, LANES, {
        const V before = VW(load_n)(w + at, width);
        V g = VW(load_n)(dw + at, width);
        if (db) g = NAME(unfold)(g, fold, (REAL)*db, at, width);
        g = VW(fma)(twice_l2, before, g);
        const V m = VW(fma)(beta1, VW(load_n)(mean + at, width), rest1 * g);
        const V s = VW(fma)(beta2, VW(load_n)(square + at, width), rest2 * g * g);
        const V own_rate = rate / VW(fma)(second, VW(sqrt)(s), epsilon);
        V after = before - own_rate * (first * m);
        if (proximal) after = NAME(prox)(after, own_rate * l1);
        VW(store_n)(mean + at, m, width);
        VW(store_n)(square + at, s, width);
        VW(store_n)(w + at, after, width);
        if (report) NAME(look)(&seen, g, before, after);
    });
    if (report) NAME(tell)(&seen, report);
}

/* a += share (w - a) */
FL_INLINE void NAME(average)(ptrdiff_t d, REAL *a, const REAL *w, REAL share) {
    FL_EACH_VECTOR(0, d, LANES, {
        const V mean = VW(load_n)(a + at, width);
        VW(store_n)(a + at, VW(fma)(VW(set1)(share), VW(load_n)(w + at, width) - mean, mean), width);
    });
}

static double NAME(update)(ptrdiff_t c, ptrdiff_t d, fl_model model, const void *dw_cd, ptrdiff_t ld_dw, fl_fold fold,
                           const double *db_c, const fl_step *step, fl_report *report) {
    for (ptrdiff_t j = 0; j < c; j++) {
        REAL *w = (REAL *)model.w_cd + j * model.ld, *v = model.v_cd ? (REAL *)model.v_cd + j * model.ld : NULL;
        const REAL *dw = (const REAL *)dw_cd + j * ld_dw;
        const double *db = db_c ? db_c + j : NULL;
        /* Inlined with and without the report, so that the loops without are as if there were none. */
        if (model.s_cd)
            NAME(adapt)(d, w, v, (REAL *)model.s_cd + j * model.ld, dw, fold, db, step, report);
        else if (report)
            NAME(descend)(d, w, v, dw, fold, db, step, report);
        else
            NAME(descend)(d, w, v, dw, fold, db, step, NULL);
        if (model.a_cd) NAME(average)(d, (REAL *)model.a_cd + j * model.ld, w, (REAL)step->share);
    }
    return NAME(penalty)(c, d, model.w_cd, model.ld, step->l2, step->l1);
}
