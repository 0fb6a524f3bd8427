/* Calls what mlir-opt made of @first_layer, by MLIR's C interface: pointers to tensor descriptors. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  int32_t *allocated, *aligned;
  int64_t offset, sizes[1], strides[1];
} Tokens;
typedef struct {
  float *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
} Hidden;

void _mlir_ciface_first_layer(Hidden *result, Tokens *tokens);

int main(int argc, char **argv) {
  int32_t ids[32];
  int64_t count = 0;
  FILE *file = argc == 3 ? fopen(argv[1], "r") : NULL;
  while (file && count < 32 && fscanf(file, "%d", &ids[count]) == 1)
    ++count;
  Tokens tokens = {ids, ids, 0, {count}, {1}};
  Hidden y;
  _mlir_ciface_first_layer(&y, &tokens);
  FILE *output = argc == 3 ? fopen(argv[2], "wb") : NULL;
  if (!output ||
      fwrite(y.aligned, sizeof(float), y.sizes[0] * y.sizes[1], output) != (size_t)(y.sizes[0] * y.sizes[1]) ||
      fclose(output)) {
    perror("first-layer");
    return 1;
  }
  printf("%lld x %lld, first %.9g\n", (long long)y.sizes[0], (long long)y.sizes[1], y.aligned[0]);
  free(y.allocated);
  return 0;
}
