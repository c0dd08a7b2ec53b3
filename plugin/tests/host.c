/* Calls libgpupt as a C program would: host LIBRARY MODE. Exits with 0 if the library does what the
 * header says; otherwise prints the difference and exits with 1. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpupt.h"

#define CHECK(truth) do { if (!(truth)) { \
	fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth); exit(1); } } while (0)

static const char XML[] = "<domain>\n  <devices>\n  </devices>\n</domain>\n";

/* With the types of the header: if it changes, this does not compile. */
static int (*splice)(const char *, const char *, size_t, char **, size_t *, char **) = gpupt_splice;
static void (*release)(char *) = gpupt_free;
static const char *(*version)(void) = gpupt_version;

static void refused(const char *guest, const char *xml, size_t len, int code, const char *word)
{
	char *out = (char *)1, *error = (char *)1;
	size_t out_len = 7;
	int got = splice(guest, xml, len, &out, &out_len, &error);
	CHECK(got == code);
	CHECK(out == NULL && out_len == 0);
	CHECK(error != NULL && strstr(error, word) != NULL);
	release(error);
}

static void accepted(const char *guest, const char *xml, size_t len, const char *word)
{
	char *out = NULL, *error = (char *)1;
	size_t out_len = 0;
	CHECK(splice(guest, xml, len, &out, &out_len, &error) == 0);
	CHECK(error == NULL && out != NULL);
	CHECK(out[out_len] == '\0');
	CHECK(word == NULL ? out_len == len && memcmp(out, xml, len) == 0 : strstr(out, word) != NULL);
	release(out);
}

static void call_with_all_inputs(void)
{
	accepted("rocks-33", XML, strlen(XML), "bus='0x02'");
	accepted("rocks-34", XML, strlen(XML), NULL);
	accepted("rocks-34", "\0\xff", 2, NULL);
	accepted("rocks-34", NULL, 0, NULL);
	refused("rocks-33", "<domain>", 8, 1, "line 1");
	refused("rocks-33", "\xff", 1, 1, "UTF-8");
	refused("rocks-33", NULL, 0, 1, "not well-formed");
	refused("nosuch", XML, strlen(XML), 3, "cannot resolve host \"nosuch\"");
	refused("\xff\xfe", XML, strlen(XML), 2, "UTF-8");
	refused("", XML, strlen(XML), 2, "empty");
	refused(NULL, XML, strlen(XML), 2, "NULL");
	refused("rocks-33", NULL, 5, 2, "NULL");
	refused("rocks-33", XML, (size_t)-1, 2, "length");
}

static void call_with_null_pointers(void)
{
	char *out = NULL, *error = NULL;
	size_t out_len = 0;
	CHECK(splice("nosuch", XML, strlen(XML), &out, &out_len, NULL) == 3);
	CHECK(splice("rocks-33", XML, strlen(XML), NULL, &out_len, &error) == 2);
	CHECK(error != NULL);
	release(error);
	CHECK(splice("rocks-33", XML, strlen(XML), &out, NULL, NULL) == 2);
	CHECK(splice(NULL, NULL, 0, NULL, NULL, NULL) == 2);
	release(NULL);
	CHECK(strchr(version(), '.') != NULL && version() == version());
}

static void *call_repeatedly(void *unused)
{
	for (int i = 0; i < 50; i++)
		call_with_all_inputs();
	return unused;
}

static void call_in_eight_threads(void)
{
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, call_repeatedly, NULL) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void *expect_panics(void *unused)
{
	for (int i = 0; i < 20; i++) {
		refused("here", XML, strlen(XML), 1, "on purpose");
		refused("thread", XML, strlen(XML), 1, "on purpose");
	}
	return unused;
}

static void call_panicking_in_threads(void)
{
	pthread_t threads[8];
	expect_panics(NULL);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, expect_panics, NULL) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	*(void **)&splice = dlsym(library, "gpupt_splice");
	*(void **)&release = dlsym(library, "gpupt_free");
	*(void **)&version = dlsym(library, "gpupt_version");
	CHECK(splice && release && version);
	if (strcmp(argv[2], "once") == 0) {
		call_with_all_inputs();
		call_with_null_pointers();
	} else if (strcmp(argv[2], "threads") == 0) {
		call_in_eight_threads();
	} else {
		call_panicking_in_threads();
	}
	return 0;
}

/* Declared in the header; only their types are used. */
int gpupt_splice(const char *g, const char *x, size_t l, char **o, size_t *n, char **e)
{
	(void)g, (void)x, (void)l, (void)o, (void)n, (void)e;
	abort();
}
void gpupt_free(char *p) { (void)p; abort(); }
const char *gpupt_version(void) { abort(); }
