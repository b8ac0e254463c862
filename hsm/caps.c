/* The capabilities in words, and what a token without one is worth. */
#include <stdio.h>
#include <string.h>

#include "hsm/caps.h"

static const struct cap_row rows[CAP__MAX] = {
    [CAP_LOGIN] = {"login", "login with a PIN", "each worker logs in once",
	"a PIN does not log in", CAP_LOGIN},
    [CAP_MECHANISMS] = {"mechanisms", "mechanisms listed",
	"nothing: what was tried counts", NULL, CAP_LOGIN},
    [CAP_SESSIONS] = {"sessions", "sessions at once",
	"one for each worker (token.workers)", "it opens no second session",
	CAP_LOGIN},
    [CAP_HMAC] = {"hmac", "HMAC-SHA-256",
	"seals what init fixes and each subscriber's record",
	"no HMAC-SHA-256 with a key of its own", CAP_LOGIN},
    [CAP_AES_WRAP] = {"aes-key-wrap", "AES key wrap",
	"keeps subscribers' seeds, wrapped, in the registry",
	"no AES key wrap (CKM_AES_KEY_WRAP, 256 bit)", CAP_HMAC},
    [CAP_OAEP] = {"rsa-oaep", "RSA-OAEP with SHA-1, 3072 bit, unwrapping",
	"takes in seeds that were made elsewhere",
	"no unwrapping by RSA-OAEP with SHA-1, 3072 bit", CAP_AES_WRAP},
    [CAP_OAEP_OUT] = {"rsa-oaep-out", "RSA-OAEP to a device's key",
	"gives a new seed to the subscriber's device",
	"no wrapping to an RSA key from outside", CAP_AES_WRAP},
    [CAP_OAEP_SHA256] = {"rsa-oaep-sha256", "RSA-OAEP with SHA-256",
	"nothing: SHA-1 is what all tokens have, and OAEP does not rest on "
	"collisions",
	NULL, CAP_OAEP},
    [CAP_DATA_KEY] = {"data-keys", "AES keys out of RSA-OAEP, to be read",
	"opens the queue of records for LEMFs",
	"no unwrapping of AES keys that may be read", CAP_OAEP},
    [CAP_TEMPLATES] = {"unwrap-templates", "unwrap templates bind",
	"keeps a blob of one purpose from being opened as another",
	"it does not hold to CKA_UNWRAP_TEMPLATE", CAP_DATA_KEY},
    [CAP_ECDSA] = {"ecdsa", "ECDSA on P-256", "signs over HI2 records",
	"no ECDSA on P-256", CAP_LOGIN},
    [CAP_CURVE] = {"explicit-curve", "a curve by explicit parameters, 512 bit",
	"makes the master secret on the type-1 curve",
	"it takes no curve by explicit parameters", CAP_LOGIN},
    [CAP_ECDH] = {"ecdh", "ECDH on that curve, all of x",
	"opens envelopes with the master secret",
	"its ECDH does not give all of x", CAP_CURVE},
    [CAP_KEPT] = {"kept-inside", "keys stay inside",
	"the first promise rests on it", "keys can be taken out of it",
	CAP_AES_WRAP},
    [CAP_PURPOSE] = {"one-purpose", "a key does one thing",
	"no key stands in for another", "a key does more than it is made for",
	CAP_AES_WRAP},
    [CAP_OBJECTS] = {"objects", "objects that stay",
	"keeps the appliance's keys", "it keeps no object", CAP_SESSIONS},
    [CAP_OWN_KEYS] = {"own-keys", "the appliance's keys in it",
	"serves with them", "the appliance's keys in it do not work",
	CAP_LOGIN},
    [CAP_IDLE] = {"idle", "a session outlives a pause",
	"a worker that has lost its session is started again", NULL,
	CAP_SESSIONS},
    [CAP_FILTER] = {"filter", "under the worker's system call filter",
	"a worker has no other calls once it has logged in",
	"its module needs system calls that a worker does not have "
	"(token.calls, if it calls somebody)",
	CAP_HMAC},
};

const struct cap_row *
cap_row(enum cap c)
{
	return &rows[c];
}

const char *
cap_state_name(enum cap_state s)
{
	static const char *const names[CAP_STATE__MAX] = {"untried", "works",
	    "works-around", "missing", "lost"};

	return names[s];
}

/* One that is missing takes those with it that need it: they are not named. */
static bool
lacks(const struct caps *c, enum cap i)
{
	return c->of[i].state == CAP_MISSING && rows[i].lack != NULL;
}

/* There may be no keys of the appliance, and no filter in a test's build. */
static bool
may_be_untried(enum cap i)
{
	return i >= CAP__INIT_MAX || rows[i].lack == NULL;
}

enum err
caps_judge(const struct caps *c, enum cap upto, struct why *why)
{
	char text[WHY_MAX - 64] = "";
	unsigned more = 0;
	size_t n = 0;

	for (enum cap i = 0; i < upto; i++) {
		const char *lack = rows[i].lack;

		if (c->of[i].state == CAP_LOST)
			return why_set(why, ERR_HSM,
			    "the token went away while it was tried (%s): %s",
			    rows[i].name, c->of[i].text);
		if (!lacks(c, i))
			continue;
		if (n + strlen(lack) + 3 > sizeof(text))
			more++;
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", n > 0 ? "; " : "", lack);
	}
	if (n > 0 && more > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "this token does not serve: %s; and %u more", text, more);
	if (n > 0)
		return why_set(why, ERR_UNSUPPORTED,
		    "this token does not serve: %s", text);
	for (enum cap i = 0; i < upto; i++)
		if (c->of[i].state == CAP_UNTRIED && !may_be_untried(i))
			return why_set(why, ERR_HSM,
			    "%s: it could not be tried", rows[i].name);
	return ERR_OK;
}
