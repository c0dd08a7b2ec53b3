/* libgpupt: the GPU cards of a guest in its domain XML. Every function may be called by several
 * threads at once. */
#ifndef GPUPT_H
#define GPUPT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Puts the cards that the cluster's database names for `guest` into the `len` bytes of domain XML
 * (or its <devices> alone) at `xml`.
 *
 * Returns 0 and sets *out to the new XML, *out_len bytes and a NUL behind them; the same XML where
 * the guest has no cards or has them already. Otherwise returns one of the exit codes of gpupci(8)
 * and sets *error to a text of one or more lines. What was not set is NULL. Both belong to the
 * caller, who gives them to gpupt_free(). `out`, `out_len` and `error` point at three
 * different variables; `error` may be NULL when nobody wants to know. */
int gpupt_splice(const char *guest, const char *xml, size_t len, char **out, size_t *out_len, char **error);

/* Frees what gpupt_splice() gave; NULL is fine. */
void gpupt_free(char *p);

/* The version of this library, as "0.1.0"; never to be freed. */
const char *gpupt_version(void);

#ifdef __cplusplus
}
#endif

#endif
