/* p11fault.rules: each rule and action does what README.md says. */
#include <string.h>

#include "lab.h"

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "child") == 0)
		return lab_child(argv[2], argv[3]);
	return when_cases() + event_cases() + trait_cases() + template_cases() +
		    pin_cases() + trace_cases() >
		0
	    ? 1
	    : 0;
}
