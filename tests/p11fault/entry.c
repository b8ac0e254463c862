/* entry: the 68 wrappers, all from calls.def, and the one exported name. */
#include "p11fault.h"

#define WRAP(target, name, params, args, ...) \
	static CK_RV p11f_##name params \
	{ \
		struct call c = {.fn = FN_##name, __VA_ARGS__}; \
		CK_RV rv; \
\
		if (call_begin(&c, &rv)) \
			rv = target args; \
		return call_end(&c, rv); \
	}
#define CALL(name, ...) WRAP(real_list->name, name, __VA_ARGS__)
#define HOOK(name, ...) WRAP(shape_##name, name, __VA_ARGS__)
#include "calls.def"

static CK_FUNCTION_LIST list = {
    .version = {CRYPTOKI_VERSION_MAJOR, CRYPTOKI_VERSION_MINOR},
#define CALL(name, ...) .name = p11f_##name,
#define HOOK(name, ...) .name = p11f_##name,
#include "calls.def"
};

/* None is forgotten: as many members as functions, and the version. */
_Static_assert(FN__MAX - 1 == 68, "calls.def has every function");
_Static_assert(sizeof(list) == 69 * sizeof(void (*)(void)),
    "CK_FUNCTION_LIST is that of 2.40");

CK_FUNCTION_LIST *
entry_list(void)
{
	return &list;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	return p11f_C_GetFunctionList(out);
}
