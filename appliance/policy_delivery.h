/* policy_delivery: how the delivery to each LEMF stands, as hi2 says it. */
#ifndef APPLIANCE_POLICY_DELIVERY_H
#define APPLIANCE_POLICY_DELIVERY_H

#include "appliance/policy_proc.h"

/* Of a hi2 that has gone. */
void policy_delivery_forget(struct policy *);
/* MSG_DELIVERY */
enum err policy_on_delivery(void *, const struct ipc_frame *);
/* LEMFs that somebody has to look after. */
unsigned policy_delivery_alarms(const struct policy *);

#endif
