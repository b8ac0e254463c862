#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cscf_opt.h"

#define USAGE 2

static const char help[] =
    "lab-cscf: passes SIP over UDP on between phones and reports the targets'\n"
    "over X2.\n"
    "\n"
    "  --leg LISTEN=FORWARD    ADDRESS:PORT each; given twice for a pair: what\n"
    "                          comes to LISTEN of one goes to its FORWARD,\n"
    "                          from LISTEN of the other; more pairs may follow\n"
    "  --target URI=XID[,XID]  whose From, To or Request-URI is URI is\n"
    "                          reported, for each XID (UUIDs); repeatable\n"
    "  --report-all UUID       all others are reported under this XID\n"
    "  --connect HOST:PORT --ca FILE --cert FILE --key FILE   X2\n"
    "  --keepalive SECONDS     between keep-alives (2)\n"
    "  --nfid TEXT             network function id (lab-cscf)\n"
    "  --ready FILE            is created once it listens\n"
    "\n"
    "Datagrams are passed on as they are.  Ends on SIGTERM, with everything\n"
    "acknowledged.  Exit status: 0; 1 files, addresses, or something was not\n"
    "acknowledged; 2 usage.\n";

static bool
address(const char *text, size_t n, struct cscf_addr *a)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[sizeof(a->text)], *colon, *h = host;

	if (n >= sizeof(a->text))
		return false;
	memcpy(a->text, text, n);
	a->text[n] = '\0';
	memcpy(host, a->text, n + 1);
	if ((colon = strrchr(host, ':')) == NULL)
		return false;
	*colon = '\0';
	if (host[0] == '[' && colon > host + 1 && colon[-1] == ']') {
		colon[-1] = '\0';
		h++;
	}
	if (getaddrinfo(h, colon + 1, &hints, &list) != 0)
		return false;
	memcpy(&a->ss, list->ai_addr, list->ai_addrlen);
	a->len = list->ai_addrlen;
	freeaddrinfo(list);
	return true;
}

static bool
take_leg(struct cscf_opt *o, const char *s)
{
	const char *is = strchr(s, '=');
	struct cscf_leg *l = &o->leg[o->n_legs];

	if (is == NULL || o->n_legs++ == CSCF_LEGS_MAX)
		return false;
	return address(s, (size_t)(is - s), &l->listen) &&
	    address(is + 1, strlen(is + 1), &l->forward);
}

static bool
take_target(struct cscf_opt *o, const char *s)
{
	const char *is = strrchr(s, '=');
	struct cscf_target *t = &o->target[o->n_targets];
	char xid[37];

	if (is == NULL || o->n_targets++ == CSCF_TARGETS_MAX ||
	    (size_t)(is - s) >= sizeof(t->uri))
		return false;
	memcpy(t->uri, s, (size_t)(is - s));
	t->uri[is - s] = '\0';
	do {
		if (t->n_xids == CSCF_XIDS_MAX || strlen(++is) < 36)
			return false;
		memcpy(xid, is, 36);
		xid[36] = '\0';
		if (lab_x2_uuid(xid, t->xid[t->n_xids++]) != ERR_OK)
			return false;
		is += 36;
	} while (*is == ',');
	return *is == '\0';
}

static bool
take_seconds(const char *s, int64_t *ms)
{
	char *end;
	const unsigned long n = strtoul(s, &end, 10);

	*ms = 1000 * (int64_t)n;
	return s[0] >= '0' && s[0] <= '9' && *end == '\0' && n <= 3600;
}

static bool
take(struct cscf_opt *o, int opt, const char *s)
{
	switch (opt) {
	case 'l':
		return take_leg(o, s);
	case 't':
		return take_target(o, s);
	case 'A':
		o->report_all = true;
		return lab_x2_uuid(s, o->all_xid) == ERR_OK;
	case 'c':
		o->link.connect = s;
		return true;
	case 'a':
		o->link.ca = s;
		return true;
	case 'C':
		o->link.cert = s;
		return true;
	case 'k':
		o->link.key = s;
		return true;
	case 'K':
		return take_seconds(s, &o->link.keepalive_ms);
	case 'n':
		o->nfid = s;
		return true;
	case 'r':
		o->ready = s;
		return true;
	default:
		return false;
	}
}

int
cscf_opt_parse(struct cscf_opt *o, int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"leg", required_argument, NULL, 'l'},
	    {"target", required_argument, NULL, 't'},
	    {"report-all", required_argument, NULL, 'A'},
	    {"connect", required_argument, NULL, 'c'},
	    {"ca", required_argument, NULL, 'a'},
	    {"cert", required_argument, NULL, 'C'},
	    {"key", required_argument, NULL, 'k'},
	    {"keepalive", required_argument, NULL, 'K'},
	    {"nfid", required_argument, NULL, 'n'},
	    {"ready", required_argument, NULL, 'r'},
	    {NULL, 0, NULL, 0},
	};
	int opt, at = 0;

	o->link.keepalive_ms = 2000;
	o->nfid = "lab-cscf";
	while ((opt = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (opt == 'h') {
			(void)fputs(help, stdout);
			return 0 + 1;
		}
		if (opt == '?')
			return USAGE + 1;
		if (!take(o, opt, optarg)) {
			log_error("--%s: %s is not allowed", options[at].name,
			    optarg);
			return USAGE + 1;
		}
	}
	if (optind < argc || o->n_legs == 0 || o->n_legs % 2 != 0 ||
	    o->link.connect == NULL || o->link.ca == NULL ||
	    o->link.cert == NULL || o->link.key == NULL) {
		log_error("bad or missing options: legs in pairs, --connect,"
			  " --ca, --cert, --key (see --help)");
		return USAGE + 1;
	}
	return 0;
}
