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

/* Opens a session for the guests of one report, and returns its number, which is positive and never given
 * again. Returns 0 if none can be opened. It does not connect to the database yet. */
long gpupt_open(void);

/* As gpupt_splice(), in a session. The session connects once and reads the cluster once, at its first guest,
 * so all its guests have the cards of one moment. If that fails, the next call tries again. Returns the exit
 * code for wrong usage, 2, if `session` is not open. Threads may use one session: their calls wait for each
 * other. */
int gpupt_session_splice(long session, const char *guest, const char *xml, size_t len, char **out,
                         size_t *out_len, char **error);

/* Closes a session and its connection. Returns 0; 2 if `session` is not open: then nothing happens; another
 * exit code after an internal error: then it is closed. A call that uses it meanwhile goes on to its end. */
int gpupt_close(long session);

/* Frees a text that gpupt_splice() or gpupt_session_splice() returned; does nothing for NULL. */
void gpupt_free(char *p);

/* The version of this library, such as "0.1.0". Do not free it. */
const char *gpupt_version(void);

#ifdef __cplusplus
}
#endif

#endif
