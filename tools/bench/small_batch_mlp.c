/* How fast can one SGD step of the MLP 784-500x5-10 be at batch 8?  A measurement, not a design.
 *
 *   gcc -O3 -march=native -o small_batch_mlp small_batch_mlp.c -lpthread && ./small_batch_mlp [SECONDS]
 *
 * Needs AVX-512. W is [out][in] (ONNX Gemm with transB = 1), dims padded to multiples of 16, no biases. The weights are read
 * once forward and read-modified-written once backward; no gradient of a weight is ever stored. The backward kernel
 * walks W by columns of 16, which strides through memory: blocking over o should still gain something.
 *
 * Prints {name: milliseconds per step overall} of one chain and of two side by side: medians over blocks of steps in
 * SECONDS each (3 if not given). */
#define _GNU_SOURCE
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { L = 6, B = 8, WIDEST_OUTPUT = 512, BLOCK = 64, MAX_BLOCKS = 10000 };
static const int D[L + 1] = {784, 512, 512, 512, 512, 512, 16};
static const float learning_rate = 0.001f;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* y[b][o] = relu(sum_k x[b][k] W[o][k]): two rows of W against all eight samples, 16 accumulators */
static void forward(const float *W, const float *x, float *y, int in, int out, int relu) {
  for (int o = 0; o < out; o += 2) {
    __m512 a[2][B];
    for (int i = 0; i < 2; i++)
      for (int b = 0; b < B; b++) a[i][b] = _mm512_setzero_ps();
    const float *w0 = W + (size_t)o * in, *w1 = w0 + in;
    for (int k = 0; k < in; k += 16) {
      __m512 p = _mm512_loadu_ps(w0 + k), q = _mm512_loadu_ps(w1 + k);
      for (int b = 0; b < B; b++) {
        __m512 v = _mm512_loadu_ps(x + b * in + k);
        a[0][b] = _mm512_fmadd_ps(p, v, a[0][b]);
        a[1][b] = _mm512_fmadd_ps(q, v, a[1][b]);
      }
    }
    for (int i = 0; i < 2; i++)
      for (int b = 0; b < B; b++) {
        float s = _mm512_reduce_add_ps(a[i][b]);
        y[b * out + o + i] = relu && s < 0 ? 0 : s;
      }
  }
}

/* In one pass over W: dx = (dy W) masked by x > 0, and W -= lr dy' x */
static void backward_update(float *W, const float *x, const float *dy, float *dx, int in, int out, float lr, int needdx) {
  float t[WIDEST_OUTPUT * B], ts[WIDEST_OUTPUT * B]; /* dy and -lr dy, transposed */
  for (int o = 0; o < out; o++)
    for (int b = 0; b < B; b++) {
      t[o * B + b] = dy[b * out + o];
      ts[o * B + b] = -lr * dy[b * out + o];
    }
  for (int k = 0; k < in; k += 16) {
    __m512 xs[B], ds[B];
    for (int b = 0; b < B; b++) {
      xs[b] = _mm512_loadu_ps(x + b * in + k);
      ds[b] = _mm512_setzero_ps();
    }
    for (int o = 0; o < out; o++) {
      float *w = W + (size_t)o * in + k;
      __m512 v = _mm512_loadu_ps(w), u = v, u2 = _mm512_setzero_ps();
      for (int b = 0; b < B; b++) {
        if (needdx) ds[b] = _mm512_fmadd_ps(_mm512_set1_ps(t[o * B + b]), v, ds[b]);
        if (b & 1) u = _mm512_fmadd_ps(_mm512_set1_ps(ts[o * B + b]), xs[b], u);
        else u2 = _mm512_fmadd_ps(_mm512_set1_ps(ts[o * B + b]), xs[b], u2);
      }
      _mm512_storeu_ps(w, _mm512_add_ps(u, u2));
    }
    if (needdx)
      for (int b = 0; b < B; b++) {
        __mmask16 m = _mm512_cmp_ps_mask(xs[b], _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_storeu_ps(dx + b * in + k, _mm512_maskz_mov_ps(m, ds[b]));
      }
  }
}

/* chain is one sequence of steps on weights of its own. */
struct chain {
  float *W[L], *a[L + 1], *d[L + 1];
  double until;              /* when to stop */
  double block[MAX_BLOCKS];  /* milliseconds per step */
  int blocks;
};

static void make(struct chain *c) {
  for (int l = 0; l < L; l++) {
    c->W[l] = aligned_alloc(64, sizeof(float) * D[l] * D[l + 1]);
    for (int i = 0; i < D[l] * D[l + 1]; i++) c->W[l][i] = (rand() / (float)RAND_MAX - .5f) * 0.1f;
  }
  for (int l = 0; l <= L; l++) {
    c->a[l] = aligned_alloc(64, sizeof(float) * B * D[l]);
    c->d[l] = aligned_alloc(64, sizeof(float) * B * D[l]);
  }
  for (int i = 0; i < B * D[0]; i++) c->a[0][i] = rand() / (float)RAND_MAX;
}

static void step(struct chain *c) {
  for (int l = 0; l < L; l++) forward(c->W[l], c->a[l], c->a[l + 1], D[l], D[l + 1], l < L - 1);
  for (int i = 0; i < B * D[L]; i++) c->d[L][i] = c->a[L][i] * 1e-3f; /* stand-in for the loss gradient */
  for (int l = L - 1; l >= 0; l--)
    backward_update(c->W[l], c->a[l], c->d[l + 1], c->d[l], D[l], D[l + 1], learning_rate, l > 0);
}

static void *run(void *argument) {
  struct chain *c = argument;
  step(c); /* touches the memory */
  for (c->blocks = 0; c->blocks < MAX_BLOCKS && (c->blocks < 3 || now() < c->until); c->blocks++) {
    double start = now();
    for (int i = 0; i < BLOCK; i++) step(c);
    c->block[c->blocks] = (now() - start) / BLOCK * 1e3;
  }
  return 0;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Milliseconds per step of all chains together: the median of the first, which the others accompany, over their number. */
static double measure(struct chain *chains, int n, double seconds) {
  pthread_t thread[2];
  for (int i = 0; i < n; i++) {
    chains[i].until = now() + seconds;
    pthread_create(thread + i, 0, run, chains + i);
  }
  for (int i = 0; i < n; i++) pthread_join(thread[i], 0);
  qsort(chains->block, chains->blocks, sizeof *chains->block, ascending);
  fprintf(stderr, "chains: %d, median %.3f ms per step of a chain, minimum %.3f ms\n", n, chains->block[chains->blocks / 2], chains->block[0]);
  return chains->block[chains->blocks / 2] / n;
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 3;
  static struct chain chains[2];
  for (int i = 0; i < 2; i++) make(chains + i);
  double one = measure(chains, 1, seconds), two = measure(chains, 2, seconds);
  printf("{\"1-chain\": %.4f, \"2-chains\": %.4f}\n", one, two);
}
