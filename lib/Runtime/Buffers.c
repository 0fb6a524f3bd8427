/*===- Buffers.c - memory of generated code, kept from call to call -------===*/
#include "fptq-runtime/Buffers.h"
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Smaller ones malloc keeps itself. */
#define SMALLEST ((size_t)64 << 10)
#define MOST_BYTES ((size_t)256 << 20)
#define MOST 128

typedef struct {
  void *memory;
  size_t bytes;
} Kept;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Kept kept[MOST]; /* the oldest first */
static size_t count, total;

static void *removeAt(size_t i) {
  void *memory = kept[i].memory;
  total -= kept[i].bytes;
  memmove(kept + i, kept + i + 1, (--count - i) * sizeof(Kept));
  return memory;
}

/* The smallest that is large enough, and wastes no more than a quarter. */
static void *findKept(size_t bytes) {
  size_t best = count;
  for (size_t i = 0; i < count; ++i)
    if (kept[i].bytes >= bytes && kept[i].bytes - bytes <= bytes / 4 &&
        (best == count || kept[i].bytes < kept[best].bytes))
      best = i;
  return best == count ? NULL : removeAt(best);
}

void *fptq_buffer_take(size_t bytes) {
  void *found = NULL;
  if (bytes >= SMALLEST) {
    pthread_mutex_lock(&lock);
    found = findKept(bytes);
    pthread_mutex_unlock(&lock);
  }
  if (found || (found = malloc(bytes)))
    return found;
  fptq_buffers_release();
  return malloc(bytes);
}

void fptq_buffer_give_back(void *buffer) {
  size_t bytes = malloc_usable_size(buffer);
  if (bytes < SMALLEST || bytes > MOST_BYTES) {
    free(buffer);
    return;
  }
  pthread_mutex_lock(&lock);
  while (count == MOST || total + bytes > MOST_BYTES)
    free(removeAt(0));
  kept[count++] = (Kept){buffer, bytes};
  total += bytes;
  pthread_mutex_unlock(&lock);
}

void fptq_buffers_release(void) {
  pthread_mutex_lock(&lock);
  while (count)
    free(removeAt(count - 1));
  pthread_mutex_unlock(&lock);
}
