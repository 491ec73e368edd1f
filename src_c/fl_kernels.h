/* The kernel table: what one instruction-set level offers, as the Cython loops see it.
 *
 * Kernels are leaves: they allocate nothing, start no thread, keep no state, cannot fail. Arrays come as pointers with
 * their axes in the name (n rows of a block, d features, c classes), `ld_*` is the distance between rows in elements.
 * `void` stands for the storage type of the rows (uint8, float16, float32, float64) or for `real`, the type they are
 * computed in (float32, or float64 for float64 rows): a table row fixes both.
 */
#ifndef FL_KERNELS_H
#define FL_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "fl_images.h"

typedef enum { FL_U8, FL_F16, FL_F32, FL_F64, FL_N_STORAGE } fl_storage;
typedef enum { FL_REAL32, FL_REAL64, FL_N_REAL } fl_real;
typedef enum { FL_SOFTMAX, FL_HINGE_SUM, FL_HINGE_MAX } fl_loss_kind;

typedef struct {
    fl_loss_kind kind;
    int power;     /* hinge: 1 or 2 */
    double margin; /* hinge */
} fl_loss;

/* Weights and what is kept beside each of them, all (C, D) and `ld` from row to row; NULL where there is none: the
 * velocity, or with s_cd the running mean of the gradient; that of its square, which makes the step Adam's; the mean of
 * the weights after each step. */
typedef struct {
    void *w_cd, *v_cd, *s_cd, *a_cd;
    ptrdiff_t ld;
} fl_model;

typedef struct {
    double lr, momentum, l2, l1;          /* momentum: Adam's beta1 */
    double beta2, epsilon, first, second; /* Adam: 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) at step t */
    double share;                         /* of the new weights in their mean */
    int nesterov;
} fl_step;

/* Sums of squares, added to: of the gradient, the l2 penalty's in it but not the l1's; of what the weights moved by; of
 * the weights before. */
typedef struct {
    double gradient, update, weight;
} fl_report;

/* Standardisation folded into the weights, x' = (x - shift) * scale: `real` arrays of D numbers, NULL for none. */
typedef struct {
    const void *shift_d, *scale_d;
} fl_fold;

/* The gradient of the scores of at most FL_SPARSE_ROWS rows, class by class: class j has the entries first_c[j] up to
 * first_c[j + 1], each a row and what it is multiplied with; where of_all_c[j], besides all rows, times base_n. Numbers
 * are `real`. */
enum { FL_SPARSE_ROWS = 64 };
typedef struct {
    const void *base_n, *factor;
    const uint8_t *row;
    const int32_t *first_c, *of_all_c;
} fl_sparse;

/* Kernels that read rows: one set for each storage type. */
typedef struct {
    /* s_nc = rows . packed weights, without the bias. scratch: FL_SCRATCH_BYTES(n), aligned to 64. next_n: the n rows
     * that it will be given next, to be asked for meanwhile, or NULL. */
    void (*scores)(ptrdiff_t n, ptrdiff_t d, ptrdiff_t c, const void *const *x_n, const void *w_packed, void *s_nc,
                   ptrdiff_t ld_s, void *scratch, const void *const *next_n);
    /* dw_cd (+)= g_nc^T . rows, for the features [d0, d1); dw_cd points at feature d0. next_n: as above, or
     * NULL; only with all features, d0 = 0. `run_rows` at a time are summed from zero and then added. */
    void (*gradient)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const void *g_nc, ptrdiff_t ld_g, ptrdiff_t d0,
                     ptrdiff_t d1, void *dw_cd, ptrdiff_t ld_dw, int accumulate, const void *const *next_n);
    /* The same from lists, of features [0, d). */
    void (*gradient_sparse)(ptrdiff_t n, ptrdiff_t c, const void *const *x_n, const fl_sparse *sparse, ptrdiff_t d,
                            void *dw_cd, ptrdiff_t ld_dw, int accumulate, const void *const *next_n);
    /* out_nd = rows less centre_d, for the features [d0, d1); centre_d points at feature d0. */
    void (*centre)(ptrdiff_t n, const void *const *x_n, ptrdiff_t d0, ptrdiff_t d1, const void *centre_d, void *out_nd,
                   ptrdiff_t ld_out);
    /* Merge n rows of total weight `weight_n` into mean and sum of squared deviations of the features [d0, d1), which
     * stand for rows of total weight `seen`. weight_n NULL: all ones. */
    void (*moments)(ptrdiff_t n, const void *const *x_n, const double *weight_n, double seen, ptrdiff_t d0,
                    ptrdiff_t d1, double *mean_d, double *m2_d);
    ptrdiff_t run_rows; /* of `gradient` */
} fl_row_kernels;

/* Kernels on scores and weights: one set for each computing type. */
typedef struct {
    size_t size; /* bytes of a `real` */
    ptrdiff_t lanes;
    /* How many numbers the packed weights hold. */
    ptrdiff_t (*packed_size)(ptrdiff_t c, ptrdiff_t d);
    /* Weights, less those of a class to compare with (reference_d; NULL for none), in the order the scores kernel walks
     * them, scale applied; features [d0, d1), d0 a multiple of `lanes`. */
    void (*pack)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd, const void *reference_d,
                 fl_fold fold, void *w_packed);
    /* dot_c[i] = sum over [d0, d1) of (w - reference) * scale * shift: what the folding takes off the bias. */
    void (*shift_dot)(ptrdiff_t c, ptrdiff_t d, ptrdiff_t d0, ptrdiff_t d1, const void *w_cd, const void *reference_d,
                      fl_fold fold, double *dot_c);
    /* s_nc: IN scores without bias, rows padded to whole vectors with finite numbers; OUT their gradient times share_n.
     * compared: the scores are less that of the last class, which is not among them.
     * bias_c: padded to whole vectors with -infinity. db_c (padded) += sum of the gradient over rows.
     * Returns the sum of share_n times the rows' losses; adds the rows classified rightly to *n_correct. */
    double (*loss_rows)(const fl_loss *loss, ptrdiff_t n, ptrdiff_t c, int compared, void *s_nc, ptrdiff_t ld_s,
                        const void *bias_c, const int64_t *y_n, const double *share_n, double *db_c,
                        int64_t *n_correct);
    /* Moves the rows of such a gradient, and their addresses, to the front that have a number other than 0 among the
     * first c; tells how many they are. */
    ptrdiff_t (*drop_zeros)(ptrdiff_t n, ptrdiff_t c, void *s_nc, ptrdiff_t ld_s, const void **x_n);
    /* Lists such a gradient of at most FL_SPARSE_ROWS rows in the n_bytes of `room`, a multiple of 64 aligned to 64; 0
     * where `gradient` takes less time than `gradient_sparse` for d features, or where the lists do not fit. */
    int (*compress)(ptrdiff_t n, ptrdiff_t c, ptrdiff_t d, const void *g_nc, ptrdiff_t ld_g, void *room,
                    size_t n_bytes, fl_sparse *sparse);
    /* out_nc = s_nc + bias_c */
    void (*add_bias)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c, void *out_nc,
                     ptrdiff_t ld_out);
    /* out_n = first class with the largest score */
    void (*argmax)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, ptrdiff_t ld_s, const void *bias_c, int64_t *out_n);
    /* p_nc = exp(s_nc) / row sums, rows contiguous */
    void (*probabilities)(ptrdiff_t n, ptrdiff_t c, const void *s_nc, void *p_nc);
    /* The last class's row of a gradient: minus the sum of the others', as that of a row's scores adds up to 0. */
    void (*balance)(ptrdiff_t c, ptrdiff_t d, void *dw_cd, ptrdiff_t ld_dw);
    /* out_cd = ((sum of n_parts partial gradients, `stride` apart) - db_c x shift) * scale + gradient of the penalty,
     * for `d` features; all matrices point at the first of them, fold too. Returns the penalty of w_cd. */
    double (*finish_gradient)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts, ptrdiff_t n_parts,
                              ptrdiff_t stride, fl_fold fold, const double *db_c, const void *w_cd, ptrdiff_t ld_w,
                              double l2, double l1, void *out_cd, ptrdiff_t ld_out);
    /* out_cd = sum of n_parts partial gradients, `stride` apart, for `d` features; `of_group` by `of_group`. */
    void (*sum_parts)(ptrdiff_t c, ptrdiff_t d, const void *parts_cd, ptrdiff_t ld_parts, ptrdiff_t n_parts,
                      ptrdiff_t of_group, ptrdiff_t stride, void *out_cd, ptrdiff_t ld_out);
    /* One step of gradient descent on `d` features of the model. dw_cd is the data's gradient in raw coordinates; fold
     * and db_c bring it to the weights' as above (db_c NULL: dw_cd as it is). report may be NULL.
     * Returns the penalty of the new weights. */
    double (*update)(ptrdiff_t c, ptrdiff_t d, fl_model model, const void *dw_cd, ptrdiff_t ld_dw, fl_fold fold,
                     const double *db_c, const fl_step *step, fl_report *report);
    /* l2 * sum(w**2) + l1 * sum(|w|) over `d` features */
    double (*penalty)(ptrdiff_t c, ptrdiff_t d, const void *w_cd, ptrdiff_t ld_w, double l2, double l1);
} fl_real_kernels;

/* What an arithmetic does at most, to measure by. */
typedef struct {
    /* rounds times `flops` multiplications and additions, from registers: sum = sum * a + b of many sums, or where the
     * arithmetic multiplies pairs, sum += a * b. Returns the sums' sum. */
    double (*multiply_add)(ptrdiff_t rounds, double a, double b);
    ptrdiff_t flops;
} fl_peak;

/* Kernels on images as files hold them. */
typedef struct {
    /* out_n (n, pixels, 3) = planes_n (n, 3, pixels), images of which begin `ld_planes` bytes apart. */
    void (*interleave3)(ptrdiff_t n, ptrdiff_t pixels, const uint8_t *planes_n, ptrdiff_t ld_planes, uint8_t *out_n);
} fl_plane_kernels;

/* Visual words: which encoding, and where the pieces of one image and of one dictionary lie. Components of a whitened
 * patch come even ones first: mirroring a patch keeps them, and turns the sign of the `odd` others. A dictionary closed
 * under mirroring (odd > 0) stands as one word of each pair; the products with both are e + o and e - o of its even and
 * odd part. `maps` is how many numbers come of a word: mirrors x signs. */
typedef struct {
    ptrdiff_t n_words, padded; /* padded to whole panels; sums and dots are padded apart */
    ptrdiff_t even, odd;
} fl_words;

/* Positions that are pooled together and lie together: rows [first, first + n) of a chunk. */
typedef struct {
    int64_t first, n, region;
} fl_run;

/* A bin of the pooling grid is the regions [first_y, last_y) x [first_x, last_x), of regions_x in a row. */
typedef struct {
    ptrdiff_t bins_y, bins_x, regions_x;
    const int64_t *first_y, *last_y, *first_x, *last_x;
    ptrdiff_t mirrors, signs;
    int join; /* add a mirror word's sums, of the mirrored bin, to the word's */
    double power;
} fl_pooling;

/* From pixels to patches, and from products to features: computed in float32. */
typedef struct {
    /* plane_n = image_n * scale */
    void (*pixels)(ptrdiff_t n, const void *image_n, int is_u8, float scale, float *plane_n);
    /* x_nd = patches less their first pixel, mean_n = the mean of that, factor_n = 1 / sqrt(variance + eps), or zero
     * where that is not finite. A patch is `rows` pieces of d / rows pixels, ld_plane apart. Behind a piece in the
     * plane, and behind a row of x_nd, a vector more is touched. */
    void (*patches)(ptrdiff_t n, const float *plane, ptrdiff_t ld_plane, const int64_t *offset_n, ptrdiff_t rows,
                    ptrdiff_t d, float eps, float *x_nd, ptrdiff_t ld_x, float *mean_n, float *factor_n);
    /* w_nd = (w_nd - mean_n * ones_d) * factor_n + bias_d in place; norm_n = sum over d of its squares. ones_d is the
     * product of the whitening with ones. */
    void (*contrast)(ptrdiff_t n, ptrdiff_t d, float *w_nd, ptrdiff_t ld_w, const float *mean_n, const float *factor_n,
                     const float *ones_d, const float *bias_d, float *norm_n);
    /* Of the dots of one position with all words: sums += max(0, mean distance - distance). dots is overwritten. */
    void (*triangle)(const fl_words *words, const float *norm_w, float norm, float *dots, float *sums);
    /* Place in dots of the nearest word, the first of equals. */
    ptrdiff_t (*nearest)(const fl_words *words, const float *norm_w, const float *dots);
    /* The regions' sums as the features of one image. */
    void (*pool)(const fl_words *words, const fl_pooling *pooling, const float *sums, float *features);
} fl_patch_kernels;

/* Products of whitened patches with words, in one arithmetic. */
typedef struct {
    const char *name;
    int built;
    ptrdiff_t rows; /* positions of a tile: rows are read to a whole number of it */
    ptrdiff_t (*panel)(const fl_words *words); /* words of a panel */
    ptrdiff_t (*cells)(const fl_words *words); /* numbers of 4 bytes in a row of components, or in a packed word */
    void (*pack)(const fl_words *words, const float *words_nd, float *packed);
    /* Whitened patches as the products read them; NULL where that is as they are. */
    void (*load)(const fl_words *words, ptrdiff_t n, const float *w_nd, ptrdiff_t ld_w, float *rows);
    /* Two-sided soft threshold: sums += max(0, dot - threshold) and max(0, -dot - threshold), of either mirror. */
    void (*soft)(const fl_words *words, ptrdiff_t n_runs, const fl_run *runs, const float *rows, const float *packed,
                 float threshold, float *sums);
    /* dots[n][mirror][padded] */
    void (*dots)(const fl_words *words, ptrdiff_t n, const float *rows, const float *packed, float *dots);
    fl_peak peak; /* none for tiles of AMX */
} fl_word_products;

typedef struct {
    const char *name;
    int built; /* 0 where the compiler did not get, or did not have, the level's flags */
    fl_row_kernels rows[FL_N_STORAGE];
    fl_real_kernels real[FL_N_REAL];
    fl_plane_kernels planes;
    fl_image_kernels images[FL_N_STORAGE]; /* none for float16 */
    fl_patch_kernels patches;
    fl_word_products words;
    fl_peak peaks[FL_N_REAL];
    /* Read n bytes, a multiple of FL_READ_BYTES, as fast as memory gives them. Returns the exclusive or of words. */
    uint32_t (*read)(ptrdiff_t n, const void *bytes_n);
} fl_kernels;

enum { FL_READ_BYTES = 256 };

/* The compiler, in its own words. */
#if defined(__clang__)
#define FL_COMPILER "Clang " __clang_version__
#else
#define FL_COMPILER "GCC " __VERSION__
#endif

/* Room for one vector a row and class of a group: 64 bytes is the widest vector, 16 the most classes in a group. */
#define FL_SCRATCH_BYTES(n) ((size_t)(n) * 16 * 64)

extern const fl_kernels fl_kernels_baseline, fl_kernels_avx2, fl_kernels_avx512;
/* Products in bfloat16, beside the level avx512: AVX512-BF16, and AMX tiles. */
extern const fl_word_products fl_words_bf16, fl_words_amx;

/* Bring elements of any dtype, stride and byte order to `real`: the way in for rows that the kernels cannot read as
 * they lie. `code` is the dtype's character in the struct module's sense (NumPy's dtype.char). */
void fl_convert(char code, int swapped, ptrdiff_t n, const void *const *x_n, ptrdiff_t col_stride, ptrdiff_t d0,
                ptrdiff_t d1, fl_real real, void *out_nd, ptrdiff_t ld_out);

#endif
