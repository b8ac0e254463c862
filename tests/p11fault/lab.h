/* lab: a SoftHSM token of the test's own, and p11fault in front of it. */
#ifndef P11FAULT_LAB_H
#define P11FAULT_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>

#define LAB_PIN "user-pin-52aa17"
#define LAB_SO_PIN "officer-pin-90c3"
#define LAB_WRONG_PIN "wrong-pin-77f0"

#define P256_POINT 65
#define LAB_MAC_KEY 32 /* SoftHSM refuses shorter ones for SHA-256 */

#define assert_rv(call, want) assert_int_equal((call), (want))

/* p11fault's functions. */
extern CK_FUNCTION_LIST *p11;

void lab_load(void);

/* For cmocka: the token for a group, and the end of each test. */
int lab_up(void **state);
int lab_down(void **state);
int lab_end(void **state);

/* A path in the temporary directory; valid until eight more are asked for. */
const char *lab_path(const char *name);
void lab_touch(const char *path);
bool lab_exists(const char *path);

/* All of a text file, "" if there is none; the caller frees. */
char *lab_slurp(const char *path);

/* Write the script, and C_Initialize with it. */
void lab_script(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define lab_begin(...) (lab_script(__VA_ARGS__), p11->C_Initialize(NULL))

/* The token's slot, a read-write session, and one that is logged in. */
CK_SLOT_ID lab_slot(void);
CK_SESSION_HANDLE lab_session(void);
CK_SESSION_HANDLE lab_user(void);
CK_RV lab_login(CK_SESSION_HANDLE s, const char *pin);

/* Session objects.  `point` is CKA_EC_POINT as read: DER around 04||x||y. */
CK_OBJECT_HANDLE lab_pair(CK_SESSION_HANDLE s, CK_BYTE point[P256_POINT + 2]);
CK_RV lab_pair_of(CK_SESSION_HANDLE s, const CK_BYTE *params, CK_ULONG len,
    CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv);
CK_RV lab_derive(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv,
    const CK_BYTE *point, CK_ULONG len, CK_OBJECT_HANDLE *out);
CK_RV lab_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_BYTE *out,
    CK_ULONG *len);
/* `value` with zeros behind it. */
CK_OBJECT_HANDLE lab_mac_key(CK_SESSION_HANDLE s, const char *value);
CK_RV lab_mac(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE out[32]);

/*
 * This program again, as another process, doing one thing (see lab_child() in
 * lab_child.c).  lab_finish() waits for its end and gives its output, which
 * the caller frees, and what waitpid() said; lab_run() is both together.
 */
#define LAB_OUTPUT_MAX 8192
int lab_start(const char *what, const char *arg, int *out_fd);
char *lab_finish(int pid, int out_fd, int *status);
char *lab_run(const char *what, const char *arg, int *status);
int lab_child(const char *what, const char *arg);

long lab_ms(void);

int when_cases(void);
int event_cases(void);
int trait_cases(void);
int template_cases(void);
int pin_cases(void);
int trace_cases(void);

#endif
