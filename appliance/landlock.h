/*
 * landlock: what a process may open by name, and call over TCP, from now on:
 * the kernel's own domain for it, which it can never leave (landlock(7)).
 */
#ifndef APPLIANCE_LANDLOCK_H
#define APPLIANCE_LANDLOCK_H

#include <stdint.h>

#include "base/error.h"

/* From this ABI on, ports are something that it restricts. */
#define LANDLOCK_HAS_PORTS 4

/* What this kernel can do, as it numbers it; 0: nothing, or switched off. */
unsigned landlock_abi(void);

/*
 * This thread and those that it starts may read and write the `n` folders or
 * files at `path`, make and remove files in them, and nothing else of any file
 * system; no rights to run a program, to make links, folders or devices.  With
 * `abi` 4: TCP connections to the `n_ports` ports at `port` alone, no TCP
 * listener; with 6: no signal to a process outside, no abstract socket.  `abi`
 * is at most landlock_abi().  Needs no_new_privs.  ERR_IO with the reason.
 */
enum err landlock_enter(unsigned abi, const char *const path[], unsigned n,
    const uint16_t port[], unsigned n_ports, struct why *why) MUST_CHECK;

#endif
