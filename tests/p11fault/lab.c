#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

CK_FUNCTION_LIST *p11;

static char dir[64];

const char *
lab_path(const char *name)
{
	static char path[8][128];
	static unsigned turn;
	char *p = path[turn++ % 8];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_text(const char *path, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
write_text(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "we");
	va_list ap;

	assert_non_null(f);
	va_start(ap, fmt);
	(void)vfprintf(f, fmt, ap);
	va_end(ap);
	assert_int_equal(fclose(f), 0);
}

void
lab_touch(const char *path)
{
	write_text(path, "%s", "");
}

bool
lab_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

char *
lab_slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n = 0, cap = 1 << 20;
	char *text = malloc(cap);

	assert_non_null(text);
	if (f != NULL) {
		n = fread(text, 1, cap - 1, f);
		(void)fclose(f);
	}
	text[n] = '\0';
	return text;
}

void
lab_script(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_in_range(n, 0, sizeof(text) - 1);
	write_text(lab_path("script"), "%s", text);
}

int
lab_end(void **state)
{
	(void)state;
	(void)p11->C_Finalize(NULL); /* a failed test may not have begun */
	return 0;
}

static CK_BYTE *
bytes(const char *text)
{
	static char copy[4][128]; /* PKCS#11 has no const */
	static unsigned turn;
	char *p = copy[turn++ % 4];

	(void)snprintf(p, sizeof(copy[0]), "%s", text);
	return (CK_BYTE *)p;
}

CK_SLOT_ID
lab_slot(void)
{
	CK_SLOT_ID slot[8];
	CK_ULONG n = 8;

	/* SoftHSM lists the token first and an empty slot behind it. */
	assert_rv(p11->C_GetSlotList(CK_TRUE, slot, &n), CKR_OK);
	assert_true(n > 0);
	return slot[0];
}

CK_RV
lab_login(CK_SESSION_HANDLE s, const char *pin)
{
	return p11->C_Login(s, CKU_USER, bytes(pin), strlen(pin));
}

CK_SESSION_HANDLE
lab_session(void)
{
	const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
	CK_SESSION_HANDLE s;

	assert_rv(p11->C_OpenSession(lab_slot(), flags, NULL, NULL, &s),
	    CKR_OK);
	return s;
}

CK_SESSION_HANDLE
lab_user(void)
{
	CK_SESSION_HANDLE s = lab_session();

	assert_rv(lab_login(s, LAB_PIN), CKR_OK);
	return s;
}

static void
make_token(void)
{
	CK_BYTE label[33] = "p11fault                        ";
	CK_SESSION_HANDLE s;

	assert_rv(p11->C_Initialize(NULL), CKR_OK);
	assert_rv(p11->C_InitToken(lab_slot(), bytes(LAB_SO_PIN),
		      strlen(LAB_SO_PIN), label),
	    CKR_OK);
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
	assert_rv(p11->C_Initialize(NULL), CKR_OK);
	s = lab_session();
	assert_rv(p11->C_Login(s, CKU_SO, bytes(LAB_SO_PIN),
		      strlen(LAB_SO_PIN)),
	    CKR_OK);
	assert_rv(p11->C_InitPIN(s, bytes(LAB_PIN), strlen(LAB_PIN)), CKR_OK);
	assert_rv(p11->C_Finalize(NULL), CKR_OK);
}

void
lab_load(void)
{
	CK_C_GetFunctionList get = NULL;
	void *lib = dlopen(P11FAULT_MODULE, RTLD_NOW | RTLD_LOCAL), *sym;

	if (lib == NULL)
		fail_msg("%s", dlerror());
	sym = dlsym(lib, "C_GetFunctionList");
	assert_non_null(sym);
	assert_null(dlsym(lib, "C_Initialize"));
	assert_null(dlsym(lib, "rd_u8"));
	memcpy(&get, &sym, sizeof(get));
	assert_rv(get(&p11), CKR_OK);
}

int
lab_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/p11fault.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(mkdir(lab_path("tokens"), 0700), 0);
	write_text(lab_path("softhsm.conf"),
	    "directories.tokendir = %s\nobjectstore.backend = file\n"
	    "log.level = ERROR\n",
	    lab_path("tokens"));
	(void)setenv("SOFTHSM2_CONF", lab_path("softhsm.conf"), 1);
	(void)setenv("KW_P11_REAL", P11FAULT_REAL, 1);
	(void)setenv("KW_P11_SCRIPT", lab_path("script"), 1);
	(void)setenv("KW_P11_TRACE", lab_path("trace"), 1);
	(void)setenv("KW_P11_STATE", lab_path("state"), 1);
	lab_load();
	make_token();
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
lab_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

long
lab_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
