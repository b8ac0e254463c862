#include <dlfcn.h>
#include <string.h>

#include "p11fault.h"

const CK_FUNCTION_LIST *real_list;

static enum err
check_whole(const CK_FUNCTION_LIST *list, const char *path, struct why *why)
{
#define CALL(name, ...) \
	if (list->name == NULL) \
		return why_set(why, ERR_MALFORMED, "%s lacks " #name, path);
#define HOOK(...) CALL(__VA_ARGS__)
#include "calls.def"
	return ERR_OK;
}

/* To ask ourselves for a list, on the way to getting one, would not end. */
static bool
is_ourselves(const void *sym)
{
	Dl_info theirs, ours;

	return dladdr(sym, &theirs) != 0 && dladdr(&real_list, &ours) != 0 &&
	    theirs.dli_fbase == ours.dli_fbase;
}

enum err
real_open(const char *path, struct why *why)
{
	CK_C_GetFunctionList get = NULL;
	CK_FUNCTION_LIST *list = NULL;
	void *lib, *sym;
	enum err rc;

	if (real_list != NULL)
		return ERR_OK;
	if (path == NULL || *path == '\0')
		return why_set(why, ERR_NOTFOUND, "KW_P11_REAL is not set");
	/*
	 * Never unloaded: SoftHSM and the libcrypto below it leave things
	 * behind that point into them.
	 */
	if ((lib = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) == NULL)
		return why_set(why, ERR_IO, "%s", dlerror());
	if ((sym = dlsym(lib, "C_GetFunctionList")) == NULL)
		return why_set(why, ERR_MALFORMED, "%s", dlerror());
	if (is_ourselves(sym))
		return why_set(why, ERR_MALFORMED, "KW_P11_REAL is p11fault");
	memcpy(&get, &sym, sizeof(get)); /* C has no cast for this */
	if (get(&list) != CKR_OK || list == NULL)
		return why_set(why, ERR_MALFORMED,
		    "%s: C_GetFunctionList failed", path);
	if ((rc = check_whole(list, path, why)) == ERR_OK)
		real_list = list;
	return rc;
}
