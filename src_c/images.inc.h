/* Template: the kernels that read images, for one storage type at one level. VALUES_ARE_BYTES: 1 for uint8, else 0. */
#include "pixels.inc.h"
#include "hog.inc.h"
#include "histogram.inc.h"
