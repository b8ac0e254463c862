/* cli_file: files that the command-line programs read and write. */
#ifndef APPLIANCE_CLI_FILE_H
#define APPLIANCE_CLI_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A whole file of at most `most` octets; the caller frees. */
enum err cli_read_file(const char *path, size_t most, uint8_t **out,
    size_t *len, struct why *why) MUST_CHECK;

/* New file of the mode, synced, its folder too; ERR_EXISTS. */
enum err cli_write_file(const char *path, const void *p, size_t len,
    unsigned mode, struct why *why) MUST_CHECK;

/* ERR_EXISTS, and who it is: asked before what goes there is made. */
enum err cli_file_is_new(const char *path, struct why *why) MUST_CHECK;

/* What was made or renamed in a folder stays after a power failure. */
enum err cli_sync_dir(const char *path, struct why *why) MUST_CHECK;
enum err cli_sync_folder_of(const char *path, struct why *why) MUST_CHECK;

#endif
