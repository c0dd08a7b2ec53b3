/* libgpupt: adds the GPU cards of a guest to its domain XML. All functions are thread-safe. */
#ifndef GPUPT_H
#define GPUPT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Adds the cards that `guest` has in the cluster's database to the `len` bytes of domain XML (or of
 * its <devices> alone) at `xml`.
 *
 * Returns 0 and sets *out to the new XML: *out_len bytes and a terminating NUL. It equals `xml` if
 * the guest has no cards or has them already. Otherwise returns an exit code of gpupci(8) and sets
 * *error to a text of one or more lines. *out or *error is NULL if it is not set. The caller frees
 * both with gpupt_free(). `out`, `out_len` and `error` point to three different variables; `error`
 * may be NULL. */
int gpupt_splice(const char *guest, const char *xml, size_t len, char **out, size_t *out_len, char **error);

/* Frees a text that gpupt_splice() returned; does nothing for NULL. */
void gpupt_free(char *p);

/* The version of this library, such as "0.1.0". Do not free it. */
const char *gpupt_version(void);

#ifdef __cplusplus
}
#endif

#endif
