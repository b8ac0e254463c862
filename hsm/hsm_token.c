#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm/hsm_calls.h"
#include "hsm/hsm_rv.h"
#include "hsm/hsm_token.h"

#define SLOTS_MAX 64

_Thread_local struct hsm_last hsm_last;

void
hsm_hold(struct hsm *h)
{
	(void)pthread_mutex_lock(&h->lock);
}

enum err
hsm_release(struct hsm *h, enum err rc)
{
	(void)pthread_mutex_unlock(&h->lock);
	return rc;
}

void
hsm_enter(struct hsm *h, const char *call)
{
	hsm_hold(h);
	hsm_call_begins(call);
}

CK_RV
hsm_leave(struct hsm *h, CK_RV rv)
{
	hsm_call_ended();
	(void)hsm_release(h, ERR_OK);
	return rv;
}

enum err
hsm_leave_noted(struct hsm *h, const char *call, CK_RV rv)
{
	hsm_call_ended();
	return hsm_release(h, hsm_note(call, rv));
}

struct hsm *
hsm_new(void)
{
	struct hsm *h = calloc(1, sizeof(*h));
	pthread_mutexattr_t a;

	hsm_forget_why();
	if (h == NULL || pthread_mutexattr_init(&a) != 0) {
		free(h);
		return NULL;
	}
	(void)pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&h->lock, &a);
	(void)pthread_mutexattr_destroy(&a);
	return h;
}

enum err
hsm_note(const char *call, CK_RV rv)
{
	const char *name = hsm_rv_name(rv);
	enum err rc = hsm_rv_err(rv);

	if (rc == ERR_OK)
		return ERR_OK;
	hsm_last.rv = rv;
	hsm_last.fault = hsm_rv_fault(rv);
	if (name != NULL)
		return why_set(&hsm_last.why, rc, "%s: %s", call, name);
	return why_set(&hsm_last.why, rc, "%s: return code 0x%lx", call, rv);
}

void
hsm_forget_why(void)
{
	hsm_last.why.text[0] = '\0';
}

const char *
hsm_why(void)
{
	/* No call has failed, but what came back was no possible result. */
	return hsm_last.why.text[0] != '\0'
	    ? hsm_last.why.text
	    : "what it computed cannot be right";
}

enum err
hsm_failure(void)
{
	if (hsm_last.why.text[0] == '\0')
		return ERR_MISMATCH;
	return hsm_last.fault == HSM_FAULT_PIN ? ERR_PIN : ERR_HSM;
}

enum err
hsm_failed(const char *doing, struct why *why)
{
	return why_set(why, hsm_failure(), "token failed in %s: %s", doing,
	    hsm_why());
}

const struct hsm_info *
hsm_info(const struct hsm *h)
{
	return &h->info;
}

enum err
hsm_load(struct hsm *h, const char *module)
{
	union {
		void *p;
		CK_C_GetFunctionList f;
	} get;
	enum err rc;

	hsm_call_begins("loading the module");
	h->dl = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	hsm_call_ended();
	if (h->dl == NULL)
		return why_set(&hsm_last.why, ERR_HSM,
		    "cannot load the PKCS#11 module: %s", dlerror());
	if ((get.p = dlsym(h->dl, "C_GetFunctionList")) == NULL)
		return why_set(&hsm_last.why, ERR_HSM,
		    "%s is not a PKCS#11 module: no C_GetFunctionList", module);
	rc = hsm_note("C_GetFunctionList", get.f(&h->f));
	if (rc == ERR_OK)
		rc = P11(h, C_Initialize, NULL);
	return rc;
}

/* PKCS#11 pads texts with blanks and ends them with nothing. */
static void
unpad(char *out, const CK_UTF8CHAR *in, size_t n)
{
	while (n > 0 && (in[n - 1] == ' ' || in[n - 1] == '\0'))
		n--;
	memcpy(out, in, n);
	out[n] = '\0';
}

static uint8_t
pin_of(CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS flag;
		uint8_t pin;
	} of[] = {{CKF_USER_PIN_COUNT_LOW, HSM_PIN_COUNT_LOW},
	    {CKF_USER_PIN_FINAL_TRY, HSM_PIN_FINAL_TRY},
	    {CKF_USER_PIN_LOCKED, HSM_PIN_LOCKED},
	    {CKF_USER_PIN_TO_BE_CHANGED, HSM_PIN_TO_BE_CHANGED}};
	unsigned pin = 0;

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if ((flags & of[i].flag) != 0)
			pin |= of[i].pin;
	return (uint8_t)pin;
}

void
hsm_fill_info(struct hsm_info *i, const CK_TOKEN_INFO *t)
{
	unpad(i->label, t->label, sizeof(t->label));
	unpad(i->manufacturer, t->manufacturerID, sizeof(t->manufacturerID));
	unpad(i->model, t->model, sizeof(t->model));
	unpad(i->serial, t->serialNumber, sizeof(t->serialNumber));
	i->pin = pin_of(t->flags);
	i->test_token = strncmp(i->model, "SoftHSM", 7) == 0 ||
	    strncmp(i->manufacturer, "SoftHSM", 7) == 0;
}

/* Which token: by its slot, its label, or one without anything in it yet. */
struct pick {
	const char *label;
	const uint64_t *slot;
	bool fresh;
};

static bool
fits(const struct pick *p, CK_SLOT_ID slot, const CK_TOKEN_INFO *t,
    const struct hsm_info *info)
{
	if (((t->flags & CKF_TOKEN_INITIALIZED) == 0) != p->fresh)
		return false;
	if (p->slot != NULL)
		return slot == *p->slot;
	return p->label == NULL || strcmp(info->label, p->label) == 0;
}

static enum err
none_there(const struct pick *p)
{
	if (p->slot != NULL)
		return why_set(&hsm_last.why, ERR_NOTFOUND,
		    "no token in slot %" PRIu64, *p->slot);
	if (p->label != NULL)
		return why_set(&hsm_last.why, ERR_NOTFOUND,
		    "no token with the label \"%s\"", p->label);
	return why_set(&hsm_last.why, ERR_NOTFOUND, "there is no token%s",
	    p->fresh ? " to be initialised" : "");
}

/* Of several fresh ones the last. */
static enum err
find_slot(struct hsm *h, const struct pick *p, CK_FLAGS *flags)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO t;
	bool found = false;
	enum err rc;

	if ((rc = P11(h, C_GetSlotList, CK_TRUE, slots, &n)) != ERR_OK)
		return rc;
	for (CK_ULONG i = 0; i < n; i++) {
		struct hsm_info info;

		if (P11_RV(h, C_GetTokenInfo, slots[i], &t) != CKR_OK)
			continue;
		hsm_fill_info(&info, &t);
		if (!fits(p, slots[i], &t, &info))
			continue;
		if (found && p->label != NULL)
			return why_set(&hsm_last.why, ERR_HSM,
			    "two tokens have the label \"%s\"", p->label);
		if (found && !p->fresh)
			return why_set(&hsm_last.why, ERR_EXISTS,
			    "there are several tokens: label or slot must "
			    "tell which");
		found = true;
		h->slot = info.slot = slots[i];
		h->info = info;
		*flags = t.flags;
	}
	return found ? ERR_OK : none_there(p);
}

static enum err
log_in(struct hsm *h, CK_USER_TYPE who, struct secret *pin)
{
	CK_RV rv = P11_RV(h, C_Login, h->session, who, secret_data(pin),
	    secret_len(pin));

	if (rv == CKR_USER_ALREADY_LOGGED_IN)
		rv = CKR_OK;
	return hsm_note("C_Login", rv);
}

enum err
hsm_pin_may_be_tried(CK_FLAGS flags)
{
	if ((flags & CKF_USER_PIN_LOCKED) != 0)
		return why_set(&hsm_last.why, ERR_PIN,
		    "the token says its user PIN is locked");
	if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return why_set(&hsm_last.why, ERR_PIN,
		    "the token says one PIN try is left: not taken");
	return ERR_OK;
}

enum err
hsm_look_at_pin(struct hsm *h)
{
	CK_TOKEN_INFO t;
	enum err rc;

	if ((rc = P11(h, C_GetTokenInfo, h->slot, &t)) == ERR_OK)
		h->info.pin = (uint8_t)(pin_of(t.flags) | h->pin_before);
	return rc;
}

static enum err
open_picked(const char *module, const struct pick *which, struct secret *pin,
    struct hsm **out, struct why *why)
{
	struct hsm *h = hsm_new();
	CK_FLAGS flags = 0;
	enum err rc;

	if (h == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if ((rc = hsm_load(h, module)) != ERR_OK ||
	    (rc = find_slot(h, which, &flags)) != ERR_OK ||
	    (rc = hsm_pin_may_be_tried(flags)) != ERR_OK)
		goto out;
	if ((flags & CKF_USER_PIN_COUNT_LOW) != 0)
		h->pin_before = HSM_PIN_WAS_LOW;
	if ((rc = P11(h, C_OpenSession, h->slot,
		 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
		 &h->session)) != ERR_OK ||
	    (rc = log_in(h, CKU_USER, pin)) != ERR_OK ||
	    (rc = hsm_look_at_pin(h)) != ERR_OK)
		goto out;
	*out = h;
	h = NULL;
out:
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_last.why.text);
	hsm_close(&h);
	return rc;
}

enum err
hsm_open(const char *module, const char *label, struct secret *pin,
    struct hsm **out, struct why *why)
{
	return open_picked(module, &(struct pick){.label = label}, pin, out,
	    why);
}

enum err
hsm_open_slot(const char *module, uint64_t slot, struct secret *pin,
    struct hsm **out, struct why *why)
{
	return open_picked(module, &(struct pick){.slot = &slot}, pin, out,
	    why);
}

void
hsm_close(struct hsm **hp)
{
	struct hsm *h = *hp;

	if (h == NULL)
		return;
	if (h->session != 0)
		(void)P11_RV(h, C_CloseSession, h->session);
	if (h->f != NULL)
		(void)P11_RV(h, C_Finalize, NULL);
	/* The module stays mapped: several do not survive a second dlopen. */
	(void)pthread_mutex_destroy(&h->lock);
	free(h);
	*hp = NULL;
}

enum err
hsm_init_token(const char *module, const char *label, struct secret *so_pin,
    struct secret *pin, struct why *why)
{
	const struct pick named = {.label = label}, fresh = {.fresh = true};
	CK_UTF8CHAR padded[32];
	CK_FLAGS flags = 0;
	struct hsm *h = hsm_new();
	enum err rc;

	if (h == NULL)
		return why_set(why, ERR_NOMEM, "out of memory");
	if (strlen(label) > sizeof(padded)) {
		hsm_close(&h);
		return why_set(why, ERR_TOOBIG,
		    "token label over 32 characters");
	}
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, label, strlen(label));
	if ((rc = hsm_load(h, module)) != ERR_OK)
		goto out;
	if (find_slot(h, &named, &flags) == ERR_OK) {
		rc = why_set(&hsm_last.why, ERR_EXISTS,
		    "there is a token with the label \"%s\" already", label);
		goto out;
	}
	if ((rc = find_slot(h, &fresh, &flags)) != ERR_OK ||
	    (rc = P11(h, C_InitToken, h->slot, secret_data(so_pin),
		 secret_len(so_pin), padded)) != ERR_OK ||
	    (rc = find_slot(h, &named, &flags)) != ERR_OK ||
	    (rc = P11(h, C_OpenSession, h->slot,
		 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
		 &h->session)) != ERR_OK ||
	    (rc = log_in(h, CKU_SO, so_pin)) != ERR_OK ||
	    (rc = P11(h, C_InitPIN, h->session, secret_data(pin),
		 secret_len(pin))) != ERR_OK)
		goto out;
out:
	if (rc != ERR_OK)
		(void)why_set(why, rc, "%s", hsm_last.why.text);
	hsm_close(&h);
	return rc;
}
