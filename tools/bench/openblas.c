/* How fast are OpenBLAS's products in the forward pass of the MLP 784-500x5-10 on 10,000 images?
 *
 *   gcc -O2 -o openblas openblas.c -lopenblas && OPENBLAS_NUM_THREADS=1 ./openblas [SECONDS]
 *
 * Only the products y = x W', with W stored [out][in] as in the zoo: no biases, no ReLU. Prints {name: milliseconds}, the median
 * of the passes in SECONDS (3 if not given). */
#define _POSIX_C_SOURCE 200112L
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LAYERS = 6, EXAMPLES = 10000, WIDEST = 784, MAX_PASSES = 10000 };
static const int width[LAYERS + 1] = {784, 500, 500, 500, 500, 500, 10};

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Numbers in [-scale, scale). */
static float *random_matrix(size_t rows, size_t columns, float scale) {
  float *m = malloc(rows * columns * sizeof *m);
  if (!m) abort();
  for (size_t i = 0; i < rows * columns; i++) m[i] = scale * (2 * (rand() / (RAND_MAX + 1.f)) - 1);
  return m;
}

/* The activations alternate between two buffers, so that the images stay as they are. */
static void forward(const float *images, float *weights[], float *buffer[2]) {
  const float *x = images;
  for (int l = 0; l < LAYERS; l++) {
    float *y = buffer[l % 2];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, EXAMPLES, width[l + 1], width[l], 1, x, width[l], weights[l], width[l], 0, y,
                width[l + 1]);
    x = y;
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  double limit = argc > 1 ? atof(argv[1]) : 3;
  static double passes[MAX_PASSES];
  float *images = random_matrix(EXAMPLES, WIDEST, 1), *weights[LAYERS];
  float *buffer[2] = {random_matrix(EXAMPLES, WIDEST, 1), random_matrix(EXAMPLES, WIDEST, 1)};
  for (int l = 0; l < LAYERS; l++) weights[l] = random_matrix(width[l + 1], width[l], 0.1f);

  forward(images, weights, buffer); /* threads start */
  int n = 0;
  for (double begin = seconds(); n < MAX_PASSES && (n < 3 || seconds() - begin < limit); n++) {
    double start = seconds();
    forward(images, weights, buffer);
    passes[n] = (seconds() - start) * 1e3;
  }
  qsort(passes, n, sizeof *passes, ascending);
  fprintf(stderr, "OpenBLAS threads: %d, median %.4g ms, minimum %.4g ms, passes: %d\n", openblas_get_num_threads(), passes[n / 2], passes[0], n);
  printf("{\"mlp-10000\": %.4f}\n", passes[n / 2]);
}
