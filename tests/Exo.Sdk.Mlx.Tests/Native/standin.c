/*
 * A stand-in for libmlxc with the same calling conventions, for machines without MLX. It computes at once and in single precision what
 * the backend asks for, and keeps books: which handles live, which were freed twice, which thread used which stream.
 *
 * Compiled by the tests, in two forms: as it is (groups are written through an out-parameter), and with OLD_GROUPS (mlx-c 0.6.0, groups
 * are returned). TOO_OLD leaves out what tells versions before 0.6.0.
 */
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EXPORT __attribute__((visibility("default")))
#define MAX_DIMS 6

enum { BOOL = 0, U8 = 1, U32 = 3, I32 = 7, F16 = 9, F32 = 10, BF16 = 12 };
enum { ARRAY = 0x41525259, LIST = 0x4C495354, STREAM = 0x5354524D, TEXT = 0x54455854, DEVICE = 0x44455643, INFO = 0x494E464F, GROUP = 0x47525550, DEAD = 0x44454144 };

/* Numbers, shared by the handles that refer to them. Floating point of every width is held in single precision. */
typedef struct {
  atomic_int references;
  int type, dims, shape[MAX_DIMS];
  size_t size, item;
  unsigned char *bytes;
} data;

/* What a handle points at. It is never given back to the system, so that freeing it twice is seen. */
typedef struct {
  int kind;
  data *value;     /* ARRAY */
  data **values;   /* LIST */
  size_t count;    /* LIST */
  pthread_t owner; /* STREAM */
  int rank, size;  /* GROUP */
} holder;

typedef struct { void *ctx; } handle;
typedef struct { int value; bool has_value; } optional_int;
typedef struct { float value; bool has_value; } optional_float;

static atomic_long live, double_frees, wrong_threads, early_calls, bad_handles, evaluations;
static atomic_int has_handler, has_metal;
static atomic_size_t memory_limit, cache_limit, wired_limit;
static void (*handler)(const char *, void *);
static void *handler_data;
static char failing[64];
static char host_file[4096], host_path[1024];
static int host_mode;

/* ---- books ---- */

EXPORT long standin_live(void) { return live; }
EXPORT long standin_double_frees(void) { return double_frees; }
EXPORT long standin_wrong_threads(void) { return wrong_threads; }
EXPORT long standin_early_calls(void) { return early_calls; }
EXPORT long standin_bad_handles(void) { return bad_handles; }
EXPORT long standin_evaluations(void) { return evaluations; }
EXPORT void standin_fail(const char *name) { snprintf(failing, sizeof failing, "%s", name); }
EXPORT void standin_set_metal(int value) { has_metal = value; }
EXPORT size_t standin_limit(int which) { return which == 0 ? memory_limit : which == 1 ? cache_limit : wired_limit; }
EXPORT const char *standin_host_file(void) { return host_file; }
EXPORT const char *standin_host_path(void) { return host_path; }
EXPORT int standin_host_mode(void) { return host_mode; }

static int fail(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  snprintf(text + length, sizeof text - (size_t)length, " at /source/standin.cpp:1");
  if (!handler) {
    printf("MLX error: %s\n", text);
    exit(-1);
  }
  handler(text, handler_data);
  return 1;
}

/* Whether a call is to fail because the test said so; notes calls that came before the error handler. */
static int refuse(const char *name) {
  if (!has_handler) early_calls++;
  if (failing[0] && strcmp(failing, name) == 0) {
    failing[0] = 0;
    return fail("[%s] the stand-in was told to fail", name);
  }
  return 0;
}

static holder *make(int kind) {
  if (!has_handler) early_calls++;
  holder *h = calloc(1, sizeof *h);
  h->kind = kind;
  live++;
  return h;
}

static void release(data *d) {
  if (d && atomic_fetch_sub(&d->references, 1) == 1) {
    free(d->bytes);
    free(d);
  }
}

static data *keep(data *d) {
  if (d) d->references++;
  return d;
}

static holder *check(handle h, int kind) {
  holder *p = h.ctx;
  if (!p || p->kind != kind) {
    bad_handles++;
    return NULL;
  }
  return p;
}

static int discard(handle h, int kind) {
  holder *p = h.ctx;
  if (!p) return 0;
  if (p->kind == DEAD) {
    double_frees++;
    return 0;
  }
  if (p->kind != kind) {
    bad_handles++;
    return 0;
  }
  release(p->value);
  for (size_t i = 0; i < p->count; i++) release(p->values[i]);
  free(p->values);
  p->kind = DEAD;
  live--;
  return 0;
}

/* ---- numbers ---- */

static size_t item_of(int type) { return type == BOOL || type == U8 ? 1 : 4; }

static bool is_float(int type) { return type == F16 || type == F32 || type == BF16; }

static data *alloc(int type, int dims, const int *shape) {
  data *d = calloc(1, sizeof *d);
  d->references = 1;
  d->type = type;
  d->dims = dims;
  d->size = 1;
  for (int i = 0; i < dims; i++) d->size *= (size_t)(d->shape[i] = shape[i]);
  d->item = item_of(type);
  d->bytes = calloc(d->size ? d->size : 1, d->item);
  return d;
}

static float *floats(data *d) { return (float *)d->bytes; }

static data *array(handle h) {
  holder *p = check(h, ARRAY);
  if (p && !p->value) bad_handles++;
  return p ? p->value : NULL;
}

static int give(handle *result, data *d) {
  holder *p = check(*result, ARRAY);
  if (!p) {
    release(d);
    return fail("the result has no holder");
  }
  release(p->value);
  p->value = d;
  return 0;
}

/* Every operation comes here: the stream must be used by the thread that took it. */
static int enter(const char *name, handle stream) {
  holder *s = check(stream, STREAM);
  if (!s || !pthread_equal(s->owner, pthread_self())) wrong_threads++;
  return refuse(name);
}

static float half(uint16_t bits) {
  int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  float value = exponent == 0 ? ldexpf((float)mantissa, -24) : exponent == 31 ? (mantissa ? NAN : INFINITY) : ldexpf((float)(mantissa + 1024), exponent - 25);
  return bits & 0x8000 ? -value : value;
}

static float brain(uint16_t bits) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

/* ---- handles ---- */

EXPORT void mlx_set_error_handler(void (*f)(const char *, void *), void *d, void (*free_data)(void *)) {
  (void)free_data;
  handler = f;
  handler_data = d;
  has_handler = 1;
}

EXPORT handle mlx_array_new(void) { return (handle){make(ARRAY)}; }
EXPORT int mlx_array_free(handle a) { return discard(a, ARRAY); }

EXPORT handle mlx_array_new_data(const void *source, const int *shape, int dims, int type) {
  if (refuse("mlx_array_new_data")) return (handle){NULL};
  holder *h = make(ARRAY);
  data *d = h->value = alloc(type, dims, shape);
  if (type == F16 || type == BF16)
    for (size_t i = 0; i < d->size; i++) floats(d)[i] = type == F16 ? half(((const uint16_t *)source)[i]) : brain(((const uint16_t *)source)[i]);
  else
    memcpy(d->bytes, source, d->size * d->item);
  return (handle){h};
}

EXPORT int mlx_array_set(handle *a, handle source) { return refuse("mlx_array_set") ? 1 : give(a, keep(array(source))); }
EXPORT size_t mlx_array_size(handle a) { return array(a)->size; }
EXPORT int mlx_array_dtype(handle a) { return array(a)->type; }
EXPORT const float *mlx_array_data_float32(handle a) { return array(a)->type == F32 ? floats(array(a)) : NULL; }

EXPORT int mlx_array_eval(handle a) {
  if (refuse("mlx_array_eval")) return 1;
  evaluations++;
  return array(a) ? 0 : 1;
}

EXPORT handle mlx_vector_array_new_data(const handle *arrays, size_t count) {
  holder *h = make(LIST);
  h->values = calloc(count ? count : 1, sizeof *h->values);
  h->count = count;
  for (size_t i = 0; i < count; i++) h->values[i] = keep(array(arrays[i]));
  return (handle){h};
}

EXPORT int mlx_vector_array_free(handle list) { return discard(list, LIST); }

static int evaluate(const char *name, handle list) {
  if (refuse(name)) return 1;
  evaluations++;
  return check(list, LIST) ? 0 : 1;
}

EXPORT int mlx_eval(handle list) { return evaluate("mlx_eval", list); }
EXPORT int mlx_async_eval(handle list) { return evaluate("mlx_async_eval", list); }

static handle stream(void) {
  holder *h = make(STREAM);
  h->owner = pthread_self();
  return (handle){h};
}

EXPORT handle mlx_default_cpu_stream_new(void) { return stream(); }

EXPORT handle mlx_default_gpu_stream_new(void) {
  if (has_metal) return stream();
  fail("[default_stream] there is no GPU");
  return (handle){NULL};
}

EXPORT int mlx_stream_free(handle s) { return discard(s, STREAM); }
EXPORT int mlx_synchronize(handle s) { return enter("mlx_synchronize", s); }
EXPORT handle mlx_string_new(void) { return (handle){make(TEXT)}; }
EXPORT const char *mlx_string_data(handle s) { return check(s, TEXT) ? "0.31.2" : NULL; }
EXPORT int mlx_string_free(handle s) { return discard(s, TEXT); }
EXPORT int mlx_version(handle *s) { return refuse("mlx_version") ? 1 : check(*s, TEXT) ? 0 : 1; }

EXPORT int mlx_metal_is_available(bool *result) {
  *result = has_metal;
  return refuse("mlx_metal_is_available");
}

EXPORT handle mlx_device_new_type(int type, int index) {
  (void)index;
  (void)type;
  return (handle){make(DEVICE)};
}

EXPORT int mlx_device_free(handle d) { return discard(d, DEVICE); }
EXPORT handle mlx_device_info_new(void) { return (handle){make(INFO)}; }
EXPORT int mlx_device_info_free(handle i) { return discard(i, INFO); }

EXPORT int mlx_device_info_get(handle *info, handle device) {
  return refuse("mlx_device_info_get") ? 1 : check(*info, INFO) && check(device, DEVICE) ? 0 : 1;
}

EXPORT int mlx_device_info_has_key(bool *exists, handle info, const char *key) {
  *exists = strcmp(key, "architecture") != 0;
  return check(info, INFO) ? 0 : 1;
}

EXPORT int mlx_device_info_get_string(const char **value, handle info, const char *key) {
  *value = strcmp(key, "device_name") == 0 ? "Apple M0 Stand-in" : "";
  return check(info, INFO) ? 0 : 1;
}

EXPORT int mlx_device_info_get_size(size_t *value, handle info, const char *key) {
  *value = strcmp(key, "memory_size") == 0 ? (size_t)64 << 30 : strcmp(key, "max_recommended_working_set_size") == 0 ? (size_t)48 << 30 : (size_t)36 << 30;
  return check(info, INFO) ? 0 : 1;
}

EXPORT int mlx_get_active_memory(size_t *value) { *value = 0; return 0; }
EXPORT int mlx_get_cache_memory(size_t *value) { *value = 1234; return 0; }

static int limit(size_t *before, atomic_size_t *which, size_t value) {
  *before = atomic_exchange(which, value);
  return 0;
}

EXPORT int mlx_set_memory_limit(size_t *before, size_t value) { return limit(before, &memory_limit, value); }
EXPORT int mlx_set_cache_limit(size_t *before, size_t value) { return limit(before, &cache_limit, value); }

EXPORT int mlx_set_wired_limit(size_t *before, size_t value) {
  if (value > (size_t)48 << 30) return fail("[metal::set_wired_limit] a wired limit above the recommended working set");
  return limit(before, &wired_limit, value);
}

#ifndef TOO_OLD
EXPORT int mlx_hanning(handle *result, int m, handle s) {
  (void)result;
  (void)m;
  (void)s;
  return 1;
}
#endif

/* ---- groups ---- */

EXPORT bool mlx_distributed_is_available(const char *name) { return strcmp(name, "ring") == 0; }
EXPORT int mlx_distributed_group_rank(handle g) { return check(g, GROUP)->rank; }
EXPORT int mlx_distributed_group_size(handle g) { return check(g, GROUP)->size; }

static holder *connect_group(bool strict, const char *name) {
  const char *path = getenv("MLX_HOSTFILE"), *rank = getenv("MLX_RANK");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (refuse("mlx_distributed_init") || !strict || strcmp(name, "ring") != 0 || !rank || !file) {
    if (file) fclose(file);
    fail("[ring] the group is not described");
    return NULL;
  }
  host_file[fread(host_file, 1, sizeof host_file - 1, file)] = 0;
  fclose(file);
  snprintf(host_path, sizeof host_path, "%s", path);
  char folder[1024];
  snprintf(folder, sizeof folder, "%s", path);
  *strrchr(folder, '/') = 0;
  struct stat status;
  host_mode = stat(folder, &status) == 0 ? (int)(status.st_mode & 0777) : -1;
  holder *h = make(GROUP);
  h->rank = atoi(rank);
  h->size = -1;
  for (const char *c = host_file; *c; c++) h->size += *c == '[';
  return h;
}

#ifdef OLD_GROUPS
EXPORT handle mlx_distributed_init(bool strict, const char *name) { return (handle){connect_group(strict, name)}; }
#else
EXPORT handle mlx_distributed_group_new(void) { return (handle){make(GROUP)}; }
EXPORT int mlx_distributed_group_free(handle g) { return discard(g, GROUP); }

EXPORT int mlx_distributed_init(handle *result, bool strict, const char *name) {
  holder *h = connect_group(strict, name), *target = check(*result, GROUP);
  if (!h || !target) return 1;
  target->rank = h->rank;
  target->size = h->size;
  return discard((handle){h}, GROUP);
}
#endif

EXPORT int mlx_distributed_all_sum(handle *result, handle x, handle g, handle s) {
  if (enter("mlx_distributed_all_sum", s) || !check(g, GROUP)) return 1;
  return give(result, keep(array(x)));
}

/* ---- operations ---- */

/* The element of a smaller array that meets element i of the whole: dimensions of length 1 repeat. */
static size_t meets(const data *whole, size_t i, const data *part) {
  size_t offset = 0, step = 1;
  for (int d = whole->dims - 1; d >= 0; d--) {
    int own = d - (whole->dims - part->dims);
    size_t index = i % (size_t)whole->shape[d];
    i /= (size_t)whole->shape[d];
    if (own >= 0) {
      if (part->shape[own] != 1) offset += index * step;
      step *= (size_t)part->shape[own];
    }
  }
  return offset;
}

static int combine(const char *name, handle *result, handle a, handle b, handle s, bool multiply) {
  if (enter(name, s)) return 1;
  data *x = array(a), *y = array(b), *r = alloc(x->type, x->dims, x->shape);
  for (size_t i = 0; i < r->size; i++) {
    float other = floats(y)[meets(r, i, y)];
    floats(r)[i] = multiply ? floats(x)[i] * other : floats(x)[i] + other;
  }
  return give(result, r);
}

EXPORT int mlx_add(handle *result, handle a, handle b, handle s) { return combine("mlx_add", result, a, b, s, false); }
EXPORT int mlx_multiply(handle *result, handle a, handle b, handle s) { return combine("mlx_multiply", result, a, b, s, true); }

EXPORT int mlx_matmul(handle *result, handle a, handle b, handle s) {
  if (enter("mlx_matmul", s)) return 1;
  data *x = array(a), *y = array(b);
  if (x->dims != 2 || y->dims != 2 || x->shape[1] != y->shape[0]) return fail("[matmul] shapes do not fit");
  int shape[] = {x->shape[0], y->shape[1]};
  data *r = alloc(x->type, 2, shape);
  for (int i = 0; i < shape[0]; i++)
    for (int k = 0; k < x->shape[1]; k++)
      for (int j = 0; j < shape[1]; j++) floats(r)[i * shape[1] + j] += floats(x)[i * x->shape[1] + k] * floats(y)[k * shape[1] + j];
  return give(result, r);
}

EXPORT int mlx_sigmoid(handle *result, handle a, handle s) {
  if (enter("mlx_sigmoid", s)) return 1;
  data *x = array(a), *r = alloc(x->type, x->dims, x->shape);
  for (size_t i = 0; i < r->size; i++) floats(r)[i] = 1 / (1 + expf(-floats(x)[i]));
  return give(result, r);
}

EXPORT int mlx_astype(handle *result, handle a, int type, handle s) {
  if (enter("mlx_astype", s)) return 1;
  data *x = array(a), *r = alloc(type, x->dims, x->shape);
  if (!is_float(x->type) || !is_float(type)) return fail("[astype] the stand-in knows floating point alone");
  memcpy(r->bytes, x->bytes, x->size * x->item);
  return give(result, r);
}

EXPORT int mlx_contiguous(handle *result, handle a, bool allow_column_major, handle s) {
  if (enter("mlx_contiguous", s) || allow_column_major) return 1;
  return give(result, keep(array(a)));
}

EXPORT int mlx_reshape(handle *result, handle a, const int *shape, size_t dims, handle s) {
  if (enter("mlx_reshape", s)) return 1;
  data *x = array(a), *r = alloc(x->type, (int)dims, shape);
  if (r->size != x->size) {
    release(r);
    return fail("[reshape] Cannot reshape array of size %zu", x->size);
  }
  memcpy(r->bytes, x->bytes, x->size * x->item);
  return give(result, r);
}

EXPORT int mlx_transpose_axes(handle *result, handle a, const int *axes, size_t dims, handle s) {
  if (enter("mlx_transpose_axes", s)) return 1;
  data *x = array(a);
  int shape[MAX_DIMS];
  size_t steps[MAX_DIMS];
  for (size_t d = 0; d < dims; d++) {
    shape[d] = x->shape[axes[d]];
    steps[d] = 1;
    for (int e = axes[d] + 1; e < x->dims; e++) steps[d] *= (size_t)x->shape[e];
  }
  data *r = alloc(x->type, (int)dims, shape);
  for (size_t i = 0; i < r->size; i++) {
    size_t rest = i, offset = 0;
    for (int d = (int)dims - 1; d >= 0; d--) {
      offset += rest % (size_t)shape[d] * steps[d];
      rest /= (size_t)shape[d];
    }
    memcpy(r->bytes + i * r->item, x->bytes + offset * r->item, r->item);
  }
  return give(result, r);
}

EXPORT int mlx_take_axis(handle *result, handle a, handle indices, int axis, handle s) {
  if (enter("mlx_take_axis", s) || axis != 0) return 1;
  data *x = array(a), *rows = array(indices);
  int shape[] = {(int)rows->size, x->shape[1]};
  data *r = alloc(x->type, 2, shape);
  size_t length = (size_t)shape[1] * x->item;
  for (int i = 0; i < shape[0]; i++) memcpy(r->bytes + (size_t)i * length, x->bytes + (size_t)((int *)rows->bytes)[i] * length, length);
  return give(result, r);
}

EXPORT int mlx_zeros(handle *result, const int *shape, size_t dims, int type, handle s) {
  return enter("mlx_zeros", s) ? 1 : give(result, alloc(type, (int)dims, shape));
}

EXPORT int mlx_concatenate_axis(handle *result, handle list, int axis, handle s) {
  holder *l = check(list, LIST);
  if (enter("mlx_concatenate_axis", s) || axis != 0) return 1;
  int shape[MAX_DIMS];
  memcpy(shape, l->values[0]->shape, sizeof shape);
  shape[0] = 0;
  for (size_t i = 0; i < l->count; i++) shape[0] += l->values[i]->shape[0];
  data *r = alloc(l->values[0]->type, l->values[0]->dims, shape);
  unsigned char *to = r->bytes;
  for (size_t i = 0; i < l->count; to += l->values[i]->size * r->item, i++) memcpy(to, l->values[i]->bytes, l->values[i]->size * r->item);
  return give(result, r);
}

/* Copies the box between start and stop of the whole from or to a part. */
static int box(data *whole, data *part, const int *start, const int *stop, const int *by, size_t dims, bool is_read) {
  if ((int)dims != whole->dims || part->dims != whole->dims) return fail("[slice] Invalid number of indices");
  for (size_t d = 0; d < dims; d++)
    if (by[d] != 1 || start[d] < 0 || stop[d] > whole->shape[d] || part->shape[d] != stop[d] - start[d]) return fail("[slice] the box does not fit");
  for (size_t i = 0; i < part->size; i++) {
    size_t rest = i, offset = 0, step = 1;
    for (int d = whole->dims - 1; d >= 0; d--) {
      offset += (rest % (size_t)part->shape[d] + (size_t)start[d]) * step;
      rest /= (size_t)part->shape[d];
      step *= (size_t)whole->shape[d];
    }
    unsigned char *a = whole->bytes + offset * whole->item, *b = part->bytes + i * whole->item;
    memcpy(is_read ? b : a, is_read ? a : b, whole->item);
  }
  return 0;
}

EXPORT int mlx_slice(handle *result, handle a, const int *start, size_t n, const int *stop, size_t m, const int *by, size_t k, handle s) {
  if (enter("mlx_slice", s) || n != m || m != k) return 1;
  int shape[MAX_DIMS];
  for (size_t d = 0; d < n; d++) shape[d] = stop[d] - start[d];
  data *x = array(a), *r = alloc(x->type, (int)n, shape);
  if (box(x, r, start, stop, by, n, true)) {
    release(r);
    return 1;
  }
  return give(result, r);
}

EXPORT int mlx_slice_update(
    handle *result, handle a, handle part, const int *start, size_t n, const int *stop, size_t m, const int *by, size_t k, handle s) {
  if (enter("mlx_slice_update", s) || n != m || m != k) return 1;
  data *x = array(a), *r = alloc(x->type, x->dims, x->shape);
  memcpy(r->bytes, x->bytes, x->size * x->item);
  if (box(r, array(part), start, stop, by, n, false)) {
    release(r);
    return 1;
  }
  return give(result, r);
}

/* A row is one stream of bits, lowest first. */
static uint32_t unpack(const uint32_t *row, int index, int bits) {
  size_t bit = (size_t)index * (size_t)bits, word = bit / 32;
  int shift = (int)(bit % 32);
  uint64_t window = row[word];
  if (shift + bits > 32) window |= (uint64_t)row[word + 1] << 32;
  return (uint32_t)(window >> shift) & ((1u << bits) - 1);
}

/* A small floating-point number: sign, exponent, fraction; without infinities. */
static double small(uint32_t code, int exponent_bits, int fraction_bits) {
  int exponent = (int)(code >> fraction_bits) & ((1 << exponent_bits) - 1), bias = (1 << (exponent_bits - 1)) - 1;
  double fraction = (double)(code & ((1u << fraction_bits) - 1)) / (1 << fraction_bits);
  double magnitude = exponent ? ldexp(1 + fraction, exponent - bias) : ldexp(fraction, 1 - bias);
  return (code >> (exponent_bits + fraction_bits)) & 1 ? -magnitude : magnitude;
}

static double packed_number(const char *mode, uint32_t q, uint8_t scale) {
  double value = strcmp(mode, "mxfp8") == 0 ? small(q, 4, 3) : small(q, 2, 1);
  return value * (strcmp(mode, "nvfp4") == 0 ? small(scale, 4, 3) : ldexp(1, scale - 127));
}

/* Whether mode, scales and biases go together. */
static bool is_packing(const char *mode, handle scales, handle biases, int group, int bits) {
  if (strcmp(mode, "affine") == 0) return biases.ctx && is_float(array(scales)->type) && is_float(array(biases)->type);
  if (biases.ctx || array(scales)->type != U8) return false;
  if (strcmp(mode, "mxfp4") == 0) return group == 32 && bits == 4;
  if (strcmp(mode, "nvfp4") == 0) return group == 16 && bits == 4;
  return strcmp(mode, "mxfp8") == 0 && group == 32 && bits == 8;
}

static data *unpacked(data *words, data *scales, data *biases, int group, int bits, const char *mode) {
  int shape[] = {words->shape[0], scales->shape[1] * group};
  data *r = alloc(F32, 2, shape);
  for (int i = 0; i < shape[0]; i++)
    for (int j = 0; j < shape[1]; j++) {
      int g = i * scales->shape[1] + j / group;
      uint32_t q = unpack((uint32_t *)words->bytes + (size_t)i * (size_t)words->shape[1], j, bits);
      floats(r)[i * shape[1] + j] = biases ? floats(scales)[g] * (float)q + floats(biases)[g] : (float)packed_number(mode, q, (uint8_t)scales->bytes[g]);
    }
  return r;
}

EXPORT int mlx_quantized_matmul(
    handle *result, handle a, handle words, handle scales, handle biases, bool transpose, optional_int group, optional_int bits, const char *mode, handle s) {
  if (enter("mlx_quantized_matmul", s)) return 1;
  if (!transpose || !group.has_value || !bits.has_value || !is_packing(mode, scales, biases, group.value, bits.value))
    return fail("[quantized_matmul] arguments arrive wrong");
  data *x = array(a), *w = unpacked(array(words), array(scales), biases.ctx ? array(biases) : NULL, group.value, bits.value, mode);
  int shape[] = {x->shape[0], w->shape[0]};
  data *r = alloc(x->type, 2, shape);
  for (int i = 0; i < shape[0]; i++)
    for (int j = 0; j < shape[1]; j++)
      for (int k = 0; k < w->shape[1]; k++) floats(r)[i * shape[1] + j] += floats(x)[i * w->shape[1] + k] * floats(w)[j * w->shape[1] + k];
  release(w);
  return give(result, r);
}

EXPORT int mlx_dequantize(
    handle *result, handle words, handle scales, handle biases, optional_int group, optional_int bits, const char *mode, handle global_scale,
    optional_int type, handle s) {
  if (enter("mlx_dequantize", s)) return 1;
  if (!group.has_value || !bits.has_value || global_scale.ctx || !type.has_value || !is_packing(mode, scales, biases, group.value, bits.value))
    return fail("[dequantize] arguments arrive wrong");
  data *r = unpacked(array(words), array(scales), biases.ctx ? array(biases) : NULL, group.value, bits.value, mode);
  r->type = type.value;
  return give(result, r);
}

EXPORT int mlx_fast_rms_norm(handle *result, handle a, handle weight, float epsilon, handle s) {
  if (enter("mlx_fast_rms_norm", s)) return 1;
  data *x = array(a), *w = array(weight), *r = alloc(x->type, x->dims, x->shape);
  size_t length = (size_t)x->shape[x->dims - 1];
  for (size_t row = 0; row < x->size; row += length) {
    double sum = 0;
    for (size_t i = 0; i < length; i++) sum += (double)floats(x)[row + i] * floats(x)[row + i];
    float factor = (float)(1 / sqrt(sum / (double)length + epsilon));
    for (size_t i = 0; i < length; i++) floats(r)[row + i] = floats(x)[row + i] * factor * floats(w)[i];
  }
  return give(result, r);
}

EXPORT int mlx_fast_rope(
    handle *result, handle a, int dims, bool traditional, optional_float base, float scale, int offset, handle frequencies, handle s) {
  if (enter("mlx_fast_rope", s)) return 1;
  data *x = array(a), *periods = array(frequencies), *r = alloc(x->type, x->dims, x->shape);
  if (traditional || base.has_value || scale != 1 || x->dims != 4 || x->shape[3] != dims) return fail("[rope] arguments arrive wrong");
  for (size_t row = 0; row < x->size / (size_t)dims; row++)
    for (int i = 0; i < dims / 2; i++) {
      double angle = (offset + (int)(row % (size_t)x->shape[2])) / (double)floats(periods)[i];
      float u = floats(x)[row * (size_t)dims + (size_t)i], v = floats(x)[row * (size_t)dims + (size_t)(i + dims / 2)];
      floats(r)[row * (size_t)dims + (size_t)i] = (float)(u * cos(angle) - v * sin(angle));
      floats(r)[row * (size_t)dims + (size_t)(i + dims / 2)] = (float)(v * cos(angle) + u * sin(angle));
    }
  return give(result, r);
}

EXPORT int mlx_fast_scaled_dot_product_attention(
    handle *result, handle queries, handle keys, handle values, float scale, const char *mode, handle mask, handle sinks, handle s) {
  if (enter("mlx_fast_scaled_dot_product_attention", s)) return 1;
  data *q = array(queries), *k = array(keys), *v = array(values), *m = mask.ctx ? array(mask) : NULL;
  bool is_causal = strcmp(mode, "causal") == 0;
  if (sinks.ctx || (m != NULL) != (strcmp(mode, "array") == 0) || (m && m->type != BOOL)) return fail("[attention] arguments arrive wrong");
  int heads = q->shape[1], n = q->shape[2], length = k->shape[2], size = q->shape[3], repeats = heads / k->shape[1];
  data *r = alloc(q->type, 4, q->shape);
  double *scores = calloc((size_t)length, sizeof *scores);
  for (int h = 0; h < heads; h++)
    for (int i = 0; i < n; i++) {
      float *query = floats(q) + (h * n + i) * size, *to = floats(r) + (h * n + i) * size;
      double largest = -INFINITY, sum = 0;
      for (int j = 0; j < length; j++) {
        bool hidden = (is_causal && j > length - n + i) || (m && !m->bytes[i * length + j]);
        float *key = floats(k) + (h / repeats * length + j) * size;
        scores[j] = hidden ? -INFINITY : 0;
        for (int d = 0; d < size && !hidden; d++) scores[j] += (double)query[d] * key[d] * scale;
        largest = fmax(largest, scores[j]);
      }
      for (int j = 0; j < length; j++) sum += scores[j] = exp(scores[j] - largest);
      for (int j = 0; j < length; j++)
        for (int d = 0; d < size; d++) to[d] += (float)(scores[j] / sum * floats(v)[(h / repeats * length + j) * size + d]);
    }
  free(scores);
  return give(result, r);
}
