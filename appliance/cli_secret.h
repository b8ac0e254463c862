/* cli_secret: a PIN or passphrase of the person who runs the command. */
#ifndef APPLIANCE_CLI_SECRET_H
#define APPLIANCE_CLI_SECRET_H

#include "base/error.h"
#include "base/secret.h"

/*
 * The one line of `file`, which nobody else may read (open_secret_file()); for
 * NULL, what is typed on the terminal without being shown, asked for with
 * `what` ("PIN of ...").  The caller's to free.  ERR_DENIED: no file, and
 * standard input is no terminal; ERR_PIN: empty, or over 255 octets.
 */
enum err cli_secret(const char *file, const char *what, struct secret **out,
    struct why *) MUST_CHECK;

#endif
