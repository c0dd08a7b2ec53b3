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
static long (*open_session)(void) = gpupt_open;
static int (*session_splice)(long, const char *, const char *, size_t, char **, size_t *, char **) = gpupt_session_splice;
static int (*close_session)(long) = gpupt_close;
static const char *(*version)(void) = gpupt_version;

/* The session that the calls use; 0 is none: they are gpupt_splice's. */
static _Thread_local long session;

static int call(const char *guest, const char *xml, size_t len, char **out, size_t *out_len, char **error)
{
	return session == 0 ? splice(guest, xml, len, out, out_len, error)
		: session_splice(session, guest, xml, len, out, out_len, error);
}

static void refused(const char *guest, const char *xml, size_t len, int code, const char *word)
{
	char *out = (char *)1, *error = (char *)1;
	size_t out_len = 7;
	int got = call(guest, xml, len, &out, &out_len, &error);
	CHECK(got == code);
	CHECK(out == NULL && out_len == 0);
	CHECK(error != NULL && strstr(error, word) != NULL);
	release(error);
}

static void accepted(const char *guest, const char *xml, size_t len, const char *word)
{
	char *out = NULL, *error = (char *)1;
	size_t out_len = 0;
	CHECK(call(guest, xml, len, &out, &out_len, &error) == 0);
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
	CHECK(call("nosuch", XML, strlen(XML), &out, &out_len, NULL) == 3);
	CHECK(call("rocks-33", XML, strlen(XML), NULL, &out_len, &error) == 2);
	CHECK(error != NULL);
	release(error);
	CHECK(call("rocks-33", XML, strlen(XML), &out, NULL, NULL) == 2);
	CHECK(call(NULL, NULL, 0, NULL, NULL, NULL) == 2);
	release(NULL);
	CHECK(strchr(version(), '.') != NULL && version() == version());
}

static void call_in_a_session(void)
{
	session = open_session();
	CHECK(session > 0);
	call_with_all_inputs();
	call_with_null_pointers();
	CHECK(close_session(session) == 0);
}

static void call_in_sessions_that_are_not_open(void)
{
	const long numbers[] = {0, -1, 1L << 30, open_session()};
	CHECK(close_session(numbers[3]) == 0);
	for (int i = 0; i < 4; i++) {
		char *out = (char *)1, *error = NULL;
		size_t out_len = 7;
		CHECK(session_splice(numbers[i], "rocks-33", XML, strlen(XML), &out, &out_len, &error) == 2);
		CHECK(out == NULL && out_len == 0 && strstr(error, "not open") != NULL);
		release(error);
		CHECK(close_session(numbers[i]) == 2);
	}
	CHECK(open_session() > numbers[3]);
}

static void *call_repeatedly(void *unused)
{
	for (int i = 0; i < 50; i++) {
		session = 0;
		call_with_all_inputs();
		call_in_a_session();
	}
	return unused;
}

/* Uses a session while another thread may close it: each call is done, or the session is not open. */
static void *use_until_closed(void *number)
{
	for (int code = 0; code != 2;) {
		char *out = NULL, *error = NULL;
		size_t out_len = 0;
		code = session_splice(*(long *)number, "rocks-33", XML, strlen(XML), &out, &out_len, &error);
		CHECK(code == 0 || code == 2);
		CHECK((out != NULL) == (code == 0) && (error != NULL) == (code == 2));
		release(out);
		release(error);
	}
	return number;
}

static void share_a_session(void)
{
	pthread_t threads[4];
	long shared = open_session();
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, use_until_closed, &shared) == 0);
	session = shared;
	accepted("rocks-33", XML, strlen(XML), "bus='0x02'");
	CHECK(close_session(shared) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
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
		session = i % 2 == 0 ? 0 : open_session();
		refused("here", XML, strlen(XML), 1, "on purpose");
		refused("thread", XML, strlen(XML), 1, "on purpose");
		/* The end of a session panics too; it is closed all the same. */
		CHECK(session == 0 || (close_session(session) == 1 && close_session(session) == 2));
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
	*(void **)&open_session = dlsym(library, "gpupt_open");
	*(void **)&session_splice = dlsym(library, "gpupt_session_splice");
	*(void **)&close_session = dlsym(library, "gpupt_close");
	CHECK(splice && release && version && open_session && session_splice && close_session);
	if (strcmp(argv[2], "once") == 0) {
		call_with_all_inputs();
		call_with_null_pointers();
		call_in_a_session();
		call_in_sessions_that_are_not_open();
	} else if (strcmp(argv[2], "threads") == 0) {
		call_in_eight_threads();
		share_a_session();
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
long gpupt_open(void) { abort(); }
int gpupt_session_splice(long s, const char *g, const char *x, size_t l, char **o, size_t *n, char **e)
{
	(void)s;
	return gpupt_splice(g, x, l, o, n, e);
}
int gpupt_close(long s) { (void)s; abort(); }
void gpupt_free(char *p) { (void)p; abort(); }
const char *gpupt_version(void) { abort(); }
