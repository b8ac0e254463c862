#include <netinet/in.h>
#include <string.h>

#include <openssl/rand.h>

#include "appliance/admission.h"

/* Somebody at rest is forgotten before one who has a connection. */
#define TABLE (4 * MAX_CONNECTIONS)
/* A client or an address may make up for so many seconds of rest. */
#define BURST_SECONDS 2
/* One address never holds more of the handshakes than one in so many. */
#define EARLY_SHARE 4

enum err
admission_init(struct admission *a, const struct admission_settings *s)
{
	struct allowance **const table[] = {&a->address, &a->early, &a->client,
	    &a->requests};
	uint8_t key[SIPHASH_KEY];
	enum err rc = ERR_OK;

	*a = (struct admission){.settings = *s};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (RAND_bytes(key, sizeof(key)) != 1)
			return ERR_CRYPTO;
		if ((rc = allowance_new(TABLE, key, table[i])) != ERR_OK)
			break;
	}
	return rc;
}

/* What belongs to one subscriber of the network. */
static void
who_is(const struct sockaddr *from, uint8_t out[ALLOWANCE_WHO])
{
	memset(out, 0, ALLOWANCE_WHO);
	if (from->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, from, sizeof(v4));
		out[0] = 4;
		memcpy(out + 1, &v4.sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, from, sizeof(v6));
		out[0] = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ? 4 : 6;
		memcpy(out + 1, &v6.sin6_addr.s6_addr[out[0] == 4 ? 12 : 0],
		    out[0] == 4 ? 4 : 8);
	}
}

static struct allowance_limit
limit(uint32_t rate, uint32_t places)
{
	return (struct allowance_limit){rate, BURST_SECONDS * rate, places};
}

enum admission_verdict
admission_accept(struct admission *a, const struct sockaddr *from,
    struct admitted *out, int64_t now_ms)
{
	const struct admission_settings *s = &a->settings;
	const struct allowance_limit whole = limit(s->address_rate,
					 s->address_connections),
				     early = limit(0,
					 s->max_handshakes / EARLY_SHARE + 1);

	*out = (struct admitted){.early = false};
	who_is(from, out->address);
	if (!allowance_enter(a->address, out->address, &whole, now_ms))
		return ADMISSION_ADDRESS;
	if (a->n_early >= s->max_handshakes ||
	    !allowance_enter(a->early, out->address, &early, now_ms)) {
		allowance_undo(a->address, out->address, &whole);
		return a->n_early >= s->max_handshakes ? ADMISSION_HANDSHAKES
						       : ADMISSION_ADDRESS;
	}
	a->n_early++;
	out->early = true;
	return ADMISSION_YES;
}

static void
end_early(struct admission *a, struct admitted *c)
{
	if (!c->early)
		return;
	c->early = false;
	a->n_early--;
	allowance_leave(a->early, c->address);
}

bool
admission_known(struct admission *a, struct admitted *c,
    const uint8_t fingerprint[ALLOWANCE_WHO], int64_t now_ms)
{
	const struct allowance_limit l =
	    limit(a->settings.client_rate, a->settings.client_connections);

	end_early(a, c);
	memcpy(c->client, fingerprint, ALLOWANCE_WHO);
	c->known = allowance_enter(a->client, c->client, &l, now_ms);
	return c->known;
}

bool
admission_request(struct admission *a, const struct admitted *c, int64_t now_ms)
{
	const struct allowance_limit l = limit(a->settings.client_requests, 0);

	return allowance_take(a->requests, c->client, &l, now_ms);
}

void
admission_left(struct admission *a, struct admitted *c)
{
	end_early(a, c);
	if (c->known)
		allowance_leave(a->client, c->client);
	c->known = false;
	allowance_leave(a->address, c->address);
}
