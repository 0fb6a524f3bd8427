/*===- Buffers.h - memory of generated code, kept from call to call -------===*
 *
 * A model allocates the same buffers in every call. Given back to malloc, large ones go back to the system, and come
 * again page by page, each cleared: a sixth to a third of a call's time (docs/Rationale.md, "Buffers are kept").
 *
 * Everything is malloc's: what a function returns to its caller is freed with free().
 *
 *===----------------------------------------------------------------------===*/
#ifndef FPTQ_RUNTIME_BUFFERS_H
#define FPTQ_RUNTIME_BUFFERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `bytes` or some more, not cleared; NULL where there is no memory. Any thread may call any of these functions. */
void *fptq_buffer_take(size_t bytes);

/* Memory of malloc, by whomever it was taken, to be kept or freed. NULL is nothing. */
void fptq_buffer_give_back(void *buffer);

/* Frees what is kept, 256 MiB at most: for a program that goes on to something else. */
void fptq_buffers_release(void);

#ifdef __cplusplus
}
#endif

#endif /* FPTQ_RUNTIME_BUFFERS_H */
