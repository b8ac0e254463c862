/*
 * attack_rig: a policy process of the appliance alone, with somebody at all of
 * its channels who is neither xk nor audit, x2 or hi2: what it is told is what
 * he says, and what it would do is what audit would have been told.
 */
#ifndef ATTACK_RIG_H
#define ATTACK_RIG_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "appliance/proto.h"
#include "base/ipc.h"

struct rig {
	const char *state; /* folder with kms-state and registry/ */
	pid_t pid;
	int ctl;
	bool df2; /* it is one: there are x2 and hi2, too */
	struct ipc_chan *xk, *audit, *x2, *hi2;
	struct sockaddr_un name; /* of the control socket */
	socklen_t name_len;
	/* what came since rig_start() */
	unsigned alarms, grants;
	char last_client[MAX_NAME + 1]; /* of the last entry */
};

/* The end of an act. */
enum act_end {
	NOTHING, /* within some seconds */
	GRANTED, /* audit is given the job */
	REFUSED, /* noAuthorisation */
	REFUSED_OTHERWISE,
	ENDED /* policy has ended itself */
};

_Noreturn void rig_stop(const char *what);

/* A new process that serves; the one before is ended. */
void rig_start(struct rig *);
void rig_end(struct rig *);

/* Another channel in the place of xk's, as when xk has been started again. */
void rig_new_xk(struct rig *);
/* A request that persons have signed; returns when it is in effect. */
void rig_submit(struct rig *, const uint8_t *cms, size_t len);

/* To policy as xk. */
void rig_send(struct rig *, uint16_t type, uint32_t id, const void *body,
    size_t len);

/* The same as another neighbour. */
void rig_send_as(struct ipc_chan *, uint16_t type, uint32_t id,
    const void *body, size_t len);

/*
 * Answer policy as audit would until something has come of it, or until a
 * nonce has come, if `nonce` is not NULL: NOTHING then.
 */
enum act_end rig_wait(struct rig *, uint8_t nonce[CLIENT_NONCE_LEN]);

#endif
