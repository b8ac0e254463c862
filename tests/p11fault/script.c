#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "p11fault.h"

enum value_kind {
	VALUE_NONE,
	VALUE_NUMBER,
	VALUE_NUMBER_OR_NONE,
	VALUE_POSITIVE,
	VALUE_CHANCE,
	VALUE_PATH,
	VALUE_RV,
	VALUE_MECH,
	VALUE_ATTR
};

struct value {
	unsigned long n;
	double chance;
	const char *text;
};

static const struct {
	const char *name;
	enum value_kind value;
} when_table[WHEN__MAX] = {
    [WHEN_ALWAYS] = {"always", VALUE_NONE},
    [WHEN_NTH] = {"nth", VALUE_POSITIVE},
    [WHEN_FROM] = {"from", VALUE_POSITIVE},
    [WHEN_EVERY] = {"every", VALUE_POSITIVE},
    [WHEN_CHANCE] = {"p", VALUE_CHANCE},
    [WHEN_ONCE_FILE] = {"once-file", VALUE_PATH},
    [WHEN_WHILE_FILE] = {"while-file", VALUE_PATH},
};

/* Those that make keys from a template. */
#define TEMPLATES \
	FN_C_GenerateKey, FN_C_GenerateKeyPair, FN_C_UnwrapKey, \
	    FN_C_CreateObject

/* `on` ends with FN__ANY; empty for an action that any function can have. */
static const struct {
	const char *name;
	enum value_kind value;
	enum fn on[16];
} action_table[ACT__MAX] = {
    [ACT_RV] = {"rv", VALUE_RV, {0}},
    [ACT_AFTER] = {"after", VALUE_RV, {0}},
    [ACT_HANG] = {"hang", VALUE_NUMBER_OR_NONE, {0}},
    [ACT_EXIT] = {"exit", VALUE_NONE, {0}},
    [ACT_SLOW] = {"slow", VALUE_NUMBER, {0}},
    [ACT_DROP_SESSIONS] = {"drop-sessions", VALUE_NONE, {0}},
    [ACT_REMOVE_DEVICE] = {"remove-device", VALUE_NONE, {0}},
    [ACT_NOT_LOGGED_IN] = {"not-logged-in", VALUE_NONE, {0}},
    [ACT_STALE_HANDLES] = {"stale-handles", VALUE_NONE, {0}},
    [ACT_PIN_LOCK] = {"pin-lock", VALUE_POSITIVE, {FN_C_Login}},
    [ACT_PIN_PAD] = {"pin-pad", VALUE_POSITIVE, {FN_C_Login}},
    [ACT_TRUNCATE_ECDH] = {"truncate-ecdh", VALUE_NUMBER, {FN_C_DeriveKey}},
    [ACT_POINT_OCTET_STRING] = {"point-octet-string", VALUE_NONE,
	{FN_C_DeriveKey}},
    [ACT_NO_EXPLICIT_PARAMS] = {"no-explicit-params", VALUE_NONE,
	{FN_C_GenerateKeyPair, FN_C_CreateObject}},
    [ACT_IDLE_DROP] = {"idle-drop", VALUE_POSITIVE, {0}},
    [ACT_WRONG_RESULT] = {"wrong-result", VALUE_NONE,
	{FN_C_DeriveKey, FN_C_GetAttributeValue, FN_C_Sign, FN_C_SignFinal}},
    [ACT_NO_MECHANISM] = {"no-mechanism", VALUE_MECH,
	{FN_C_GetMechanismList, FN_C_GetMechanismInfo, FN_C_DigestInit,
	    FN_C_EncryptInit, FN_C_DecryptInit, FN_C_SignInit,
	    FN_C_SignRecoverInit, FN_C_VerifyInit, FN_C_VerifyRecoverInit,
	    FN_C_GenerateKey, FN_C_GenerateKeyPair, FN_C_WrapKey,
	    FN_C_UnwrapKey, FN_C_DeriveKey}},
    [ACT_POINT_RAW] = {"point-raw", VALUE_NONE,
	{FN_C_DeriveKey, FN_C_GetAttributeValue}},
    [ACT_SET_YES] = {"set-yes", VALUE_ATTR, {TEMPLATES}},
    [ACT_SET_NO] = {"set-no", VALUE_ATTR, {TEMPLATES}},
    [ACT_DROP] = {"drop", VALUE_ATTR, {TEMPLATES}},
    [ACT_MODEL] = {"model", VALUE_NUMBER, {FN_C_GetTokenInfo}},
};

/* Where the reader is, for what it has to say about it. */
struct place {
	const char *path;
	unsigned line;
	struct why *why;
};

static enum err
bad(const struct place *at, const char *what, const char *word)
{
	return why_set(at->why, ERR_MALFORMED, "%s:%u: %s: %s", at->path,
	    at->line, what, word != NULL ? word : "(end of line)");
}

static bool
number(const char *text, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 10);
	return *end == '\0' && errno == 0 && *out != RULE_NO_ARG;
}

static bool
chance(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(*out) && *out >= 0 &&
	    *out <= 1;
}

/* `text` is what stands behind the "=", NULL without one. */
static bool
take_value(enum value_kind kind, const char *text, struct value *out)
{
	*out = (struct value){.n = RULE_NO_ARG, .text = text};
	if (kind == VALUE_NONE)
		return text == NULL;
	if (text == NULL)
		return kind == VALUE_NUMBER_OR_NONE;
	switch (kind) {
	case VALUE_NUMBER:
	case VALUE_NUMBER_OR_NONE:
		return number(text, &out->n);
	case VALUE_POSITIVE:
		return number(text, &out->n) && out->n > 0;
	case VALUE_CHANCE:
		return chance(text, &out->chance);
	case VALUE_PATH:
		return *text != '\0';
	case VALUE_RV:
		return names_rv(text, &out->n);
	case VALUE_MECH:
		return names_mech(text, &out->n);
	case VALUE_ATTR:
		return names_attr(text, &out->n);
	case VALUE_NONE:
		break;
	}
	return false;
}

/* The next word, ended in place; NULL at the end of the line. */
static char *
next_word(char **line)
{
	char *word;

	do
		word = strsep(line, " \t\r\n");
	while (word != NULL && *word == '\0');
	return word;
}

/* Cut "name=value" in two; the value, or NULL. */
static char *
cut_value(char *word)
{
	char *eq = strchr(word, '=');

	if (eq == NULL)
		return NULL;
	*eq = '\0';
	return eq + 1;
}

static enum err
take_when(const struct place *at, char **line, struct rule *r)
{
	char *word = next_word(line), *text;
	struct value v;
	size_t i;

	if (word == NULL)
		return bad(at, "no WHEN", word);
	text = cut_value(word);
	for (i = 0; i < WHEN__MAX; i++)
		if (strcmp(when_table[i].name, word) == 0)
			break;
	if (i == WHEN__MAX)
		return bad(at, "unknown WHEN", word);
	if (!take_value(when_table[i].value, text, &v))
		return bad(at, "wrong value for WHEN", word);
	r->when = (enum when)i;
	r->n = v.n;
	r->chance = v.chance;
	if (r->when == WHEN_ONCE_FILE || r->when == WHEN_WHILE_FILE)
		(void)snprintf(r->path, sizeof(r->path), "%s", v.text);
	if (r->when != WHEN_CHANCE)
		return ERR_OK;
	/* Without a seed a failing run could not be had again. */
	if ((word = next_word(line)) == NULL ||
	    (text = cut_value(word)) == NULL || strcmp(word, "seed") != 0 ||
	    !number(text, &v.n))
		return bad(at, "p= needs seed=NUMBER, not", word);
	r->random = v.n;
	return ERR_OK;
}

static bool
acts_on(enum action action, enum fn fn)
{
	const enum fn *on = action_table[action].on;

	if (fn == FN__ANY || *on == FN__ANY)
		return true;
	for (; *on != FN__ANY; on++)
		if (*on == fn)
			return true;
	return false;
}

static enum err
take_action(const struct place *at, char **line, struct rule *r)
{
	char *word = next_word(line), *text;
	struct value v;
	size_t i;

	if (word == NULL)
		return bad(at, "no ACTION", word);
	text = cut_value(word);
	for (i = 0; i < ACT__MAX; i++)
		if (strcmp(action_table[i].name, word) == 0)
			break;
	if (i == ACT__MAX)
		return bad(at, "unknown ACTION", word);
	if (!take_value(action_table[i].value, text, &v))
		return bad(at, "wrong value for ACTION", word);
	if (!acts_on((enum action)i, r->fn))
		return bad(at, "ACTION without effect on that function", word);
	r->action = (enum action)i;
	r->arg = v.n;
	if ((word = next_word(line)) != NULL)
		return bad(at, "more than one rule on the line", word);
	return ERR_OK;
}

static enum err
take_line(const struct place *at, char *line, struct script *out)
{
	struct rule r = {0};
	char *word;
	enum err rc;

	line[strcspn(line, "#")] = '\0';
	if ((word = next_word(&line)) == NULL)
		return ERR_OK;
	if ((r.fn = names_fn(word)) == FN__MAX)
		return bad(at, "unknown FUNCTION", word);
	if ((rc = take_when(at, &line, &r)) != ERR_OK ||
	    (rc = take_action(at, &line, &r)) != ERR_OK)
		return rc;
	if (out->n == RULES_MAX)
		return bad(at, "too many rules", names_of_fn(r.fn));
	out->rule[out->n++] = r;
	return ERR_OK;
}

enum err
script_read(const char *path, struct script *out, struct why *why)
{
	struct place at = {.path = path, .why = why};
	char line[RULE_LINE_MAX];
	enum err rc = ERR_OK;
	FILE *f;

	out->n = 0;
	if ((f = fopen(path, "re")) == NULL)
		return errno == ENOENT ? ERR_OK : why_errno(why, "%s", path);
	while (rc == ERR_OK && fgets(line, sizeof(line), f) != NULL) {
		at.line++;
		if (strlen(line) == sizeof(line) - 1)
			rc = bad(&at, "line too long", "");
		else
			rc = take_line(&at, line, out);
	}
	if (rc == ERR_OK && ferror(f) != 0)
		rc = why_errno(why, "%s", path);
	(void)fclose(f);
	return rc;
}
