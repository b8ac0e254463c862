/*
 * sandbox: what each process may ask of the kernel from the first foreign
 * octet on: a seccomp filter that kills on anything else.
 */
#ifndef APPLIANCE_SANDBOX_H
#define APPLIANCE_SANDBOX_H

enum sandbox {
	SANDBOX_XK,
	SANDBOX_POLICY,
	SANDBOX_AUDIT,
	SANDBOX_HSM,
	SANDBOX_X2,
	SANDBOX_HI2,
	SANDBOX_XKC,
	SANDBOX_HI2C,
	SANDBOX_SIGNER,
	SANDBOX__MAX
};

/*
 * No new privileges, then the filter of this process; a filter that does not
 * load ends the process.  Built without KW_SANDBOX (sanitizers) it says so on
 * the log and returns.
 */
void sandbox_enter(enum sandbox which);

#endif
