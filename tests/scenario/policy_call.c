/* Calls as two phones would make them: the laboratory's. */
#include <string.h>
#include <time.h>

#include "exchange.h"
#include "policy_play.h"

void
lab_call(const char *target, const uint8_t seed[32], int64_t ago,
    struct rd messages[3], uint8_t key[16])
{
	static const uint8_t seed_other[32] = {9, 9, 9};
	static struct exchange x;
	struct exchange_maker *maker = NULL;
	struct exchange_spec s;
	struct why why = {""};

	exchange_spec_init(&s);
	s.kms_i.params = s.kms_r.params = play.params;
	s.initiator.identity = target;
	s.initiator.seed = seed;
	s.responder.identity = "sip:callee@lab.example";
	s.responder.seed = seed_other;
	s.has_time = true;
	s.time = time(NULL) - ago;
	if (exchange_maker_new(&s, &maker, &why) != ERR_OK ||
	    exchange_make(maker, &x, &why) != ERR_OK)
		rig_stop("a call", why.text);
	exchange_maker_free(&maker);
	for (int i = 0; i < 3; i++)
		messages[i] = keep(x.message[i].p, x.message[i].len);
	memcpy(key, x.keys.key[0].key, 16);
}
