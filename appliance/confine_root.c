/*
 * The root of a confined process.  Its parts are taken out of the old root by
 * descriptor before anything covers it, so that it makes no difference where
 * they lie, nor who may pass through the folders above them.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <unistd.h>

#include "appliance/confine_int.h"

#define MOUNT_ATTRIBUTES \
	(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* The tree at `path`, attached nowhere. */
static int
take(const char *path)
{
	/* Devices that a token's module was given stay devices. */
	struct mount_attr a = {
	    .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC};
	const int fd = open_tree(AT_FDCWD, path,
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd != -1 &&
	    mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a,
		sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* An empty file system, attached nowhere. */
static int
empty(void)
{
	const int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd = -1;

	if (fs == -1)
		return -1;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_SET_STRING, "size", "64k", 0) == 0 &&
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTRIBUTES);
	close(fs);
	return fd;
}

/* It is the root now, and the old one is gone from sight. */
static enum err
turn_to(int fd, struct why *why)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == -1 ||
	    fchdir(fd) == -1 || syscall(SYS_pivot_root, ".", ".") == -1 ||
	    umount2(".", MNT_DETACH) == -1 || chdir("/") == -1)
		return why_errno(why, "a root of its own");
	return ERR_OK;
}

/* The folders above `path`, and its last part: what the tree is put on. */
static int
make_place(const char *path, bool folder)
{
	char p[PATH_MAX];
	const size_t len = strlen(path);
	struct stat st;
	int fd;

	if (len == 0 || len >= sizeof(p)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(p, path, len + 1);
	for (char *s = strchr(p + 1, '/'); s != NULL; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(p, 0755) == -1 && errno != EEXIST)
			return -1;
		*s = '/';
	}
	/* In a tree that has been put there: a socket could not be opened. */
	if (!folder && stat(p, &st) == 0)
		return 0;
	if (folder)
		return mkdir(p, 0755) == -1 && errno != EEXIST ? -1 : 0;
	fd = open(p, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd == -1 ? -1 : close(fd);
}

static enum err
put(int tree, const char *path, struct why *why)
{
	struct stat st;

	if (fstat(tree, &st) == -1 ||
	    make_place(path, S_ISDIR(st.st_mode)) == -1 ||
	    move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == -1)
		return why_errno(why, "a root with %s", path);
	return ERR_OK;
}

enum err
confine_root(const char *const path[], unsigned n, struct why *why)
{
	struct mount_attr closed = {
	    .attr_set = MOUNT_ATTRIBUTES | MOUNT_ATTR_RDONLY};
	int tree[CONFINE_PATHS], root = -1;
	/* Whoever the process becomes passes through the folders above. */
	const mode_t mask = umask(022);
	unsigned taken = 0;
	enum err rc = ERR_OK;

	for (; taken < n && rc == ERR_OK; taken++)
		if ((tree[taken] = take(path[taken])) == -1)
			rc = why_errno(why, "%s", path[taken]);
	if (rc == ERR_OK && (root = empty()) == -1)
		rc = why_errno(why, "an empty file system");
	if (rc == ERR_OK)
		rc = turn_to(root, why);
	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = put(tree[i], path[i], why);
	if (rc == ERR_OK &&
	    mount_setattr(AT_FDCWD, "/", 0, &closed, sizeof(closed)) == -1)
		rc = why_errno(why, "a root that is read only");
	for (unsigned i = 0; i < taken; i++)
		if (tree[i] != -1)
			close(tree[i]);
	if (root != -1)
		close(root);
	(void)umask(mask);
	return rc;
}
