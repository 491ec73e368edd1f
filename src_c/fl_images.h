/* What the image kernels are told: the geometry of a feature, checked and laid out by the caller.
 *
 * An image is height x width x channels numbers, C-contiguous. Features come in `real`: float32 for uint8 and float32
 * images, float64 for float64 images.
 */
#ifndef FL_IMAGES_H
#define FL_IMAGES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    ptrdiff_t height, width, channels;
} fl_image;

typedef enum { FL_NORM_NONE, FL_NORM_L1, FL_NORM_L1_SQRT, FL_NORM_L2, FL_NORM_L2_HYS } fl_norm;

/* Histograms of oriented gradients. */
typedef struct {
    fl_image image;
    ptrdiff_t cell_height, cell_width;   /* pixels */
    ptrdiff_t block_height, block_width; /* cells */
    ptrdiff_t orientations;              /* bins of half a turn, or of a whole one where is_signed */
    int is_signed, interpolate, square_root;
    fl_norm norm;
    const double *cotangent; /* of the bins' edges inside a half turn, ascending: see hog.inc.h */
} fl_hog;

typedef enum { FL_RGB, FL_HSV, FL_HUE, FL_GRAY } fl_space;

enum { FL_MOST_AXES = 3 };

/* Histograms of colours. */
typedef struct {
    fl_image image;
    fl_space space;
    int joint;
    ptrdiff_t axes, bins[FL_MOST_AXES];
    ptrdiff_t grid_height, grid_width;
    fl_norm norm; /* none, l1 or l2 */
    double power;
    double low, high;                   /* where the first bin begins and the last one ends; the end belongs to it */
    double white;                       /* the largest value of a channel, 255 or `high`: HSV's value is max / white */
    const double *edges[FL_MOST_AXES];  /* bins + 1 of each axis: RGB, and grey images */
    const int32_t *place[FL_MOST_AXES]; /* of each of 256 values, uint8 RGB and grey images: its bin times `step` */
    ptrdiff_t step[FL_MOST_AXES];       /* of a bin of this axis in the table of counts */
    ptrdiff_t first[FL_MOST_AXES];      /* where this axis's own table begins: 0 where joint */
    ptrdiff_t size;                     /* numbers of the table: all that is written for one cell of the grid */
    int multiply;                       /* a bin is the whole part of value * per_unit + begin: histogram_prepare says */
    double per_unit[FL_MOST_AXES], begin[FL_MOST_AXES];
} fl_histogram;

/* One set for each storage type. scratch is aligned to 64 bytes. */
typedef struct {
    size_t (*hog_scratch)(const fl_hog *plan); /* bytes */
    void (*hog)(const fl_hog *plan, const void *image, void *features, void *scratch);
    size_t (*histogram_prepare)(fl_histogram *plan); /* completes the plan; bytes of scratch */
    /* 1 where some channel of a pixel lies outside [low, high], else 0. */
    int (*histogram)(const fl_histogram *plan, const void *image, void *features, void *scratch);
} fl_image_kernels;

static inline ptrdiff_t fl_hog_cells_down(const fl_hog *plan) { return plan->image.height / plan->cell_height; }
static inline ptrdiff_t fl_hog_cells_across(const fl_hog *plan) { return plan->image.width / plan->cell_width; }

#endif
